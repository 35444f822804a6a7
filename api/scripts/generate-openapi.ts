/**
 * Writes gen/openapi.json: the REST side of the contract as OpenAPI 3.1, out of the same definitions, rules and comments
 * that the server runs on. Run by `npm run generate`.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
// The error registry is the server's, and has no imports but the contract and Connect.
import { errorKinds } from "../../server/src/platform/errors.ts";
import packageJson from "../package.json" with { type: "json" };
import { openApiDocument } from "./openapi-document.ts";

const apiFolder = fileURLToPath(new URL("..", import.meta.url));

/** The generated code holds no comments; buf's own output does. */
const image = execFileSync("buf", ["build", "--as-file-descriptor-set", "-o", "-"], { cwd: apiFolder });
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));

const document = openApiDocument({
  registry,
  packageName: "parley.v2",
  version: packageJson.version,
  errorKinds,
});
writeFileSync(`${apiFolder}/gen/openapi.json`, `${JSON.stringify(document, undefined, 2)}\n`);
