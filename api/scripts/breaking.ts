/**
 * What the contract in a folder breaks of the one that was released last, released/v2.binpb: as buf sees it, and besides,
 * since buf does not look into options, REST routes that are gone and methods that other people may call now.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createFileRegistry, type DescMethod, fromBinary, getOption } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { http } from "../gen/google/api/annotations_pb.js";
import type { HttpRule } from "../gen/google/api/http_pb.js";
import { Access, access } from "../gen/parley/v2/options_pb.js";

const buf = fileURLToPath(new URL("../../node_modules/.bin/buf", import.meta.url));
const released = "released/v2.binpb";

/** One line for each break; throws when the contract cannot be read. */
export function findBreaks(folder: string): string[] {
  const compared = spawnSync(buf, ["breaking", "--against", released], { cwd: folder, encoding: "utf8" });
  if (compared.status === null || compared.stderr !== "")
    throw new Error(`buf breaking: ${compared.stderr || compared.error?.message}`);
  const image = spawnSync(buf, ["build", "--as-file-descriptor-set", "-o", "-"], { cwd: folder });
  if (image.status !== 0) throw new Error(`buf build: ${image.stderr}`);
  const before = methodsOf(readFileSync(`${folder}/${released}`));
  const now = methodsOf(image.stdout);
  return [
    ...compared.stdout.split("\n").filter((line) => line !== ""),
    // A method that is gone is named by buf.
    ...[...before].flatMap(([name, method]) => {
      const today = now.get(name);
      return today ? [...lostRoutes(name, method, today), ...otherAccess(name, method, today)] : [];
    }),
  ];
}

function methodsOf(image: Uint8Array): Map<string, DescMethod> {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
  const services = [...registry.files].flatMap((file) => file.services);
  return new Map(
    services.flatMap((service) =>
      service.methods.map((method) => [`${service.typeName}/${method.name}`, method]),
    ),
  );
}

function lostRoutes(name: string, before: DescMethod, now: DescMethod): string[] {
  const served = new Set(routesOf(now));
  return routesOf(before)
    .filter((route) => !served.has(route))
    .map((route) => `${name} is no longer served as ${route}`);
}

function routesOf(method: DescMethod): string[] {
  const rule = getOption(method, http);
  return [rule, ...rule.additionalBindings].filter(({ pattern }) => pattern.case).map(toText);
}

function toText({ pattern, body, responseBody }: HttpRule): string {
  const { case: kind, value } = pattern;
  const path = typeof value === "string" ? value : `${value?.kind} ${value?.path}`;
  return `${kind?.toUpperCase()} ${path} (body: ${body || "none"}, answered: ${responseBody || "all"})`;
}

function otherAccess(name: string, before: DescMethod, now: DescMethod): string[] {
  const [was, is] = [getOption(before, access), getOption(now, access)];
  return was === is ? [] : [`${name} had access ${Access[was]}, and has ${Access[is]}`];
}
