/** Reads what deploy/ holds. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { deploy } from "./tools.ts";

// biome-ignore lint/suspicious/noExplicitAny: manifests of many kinds
export type Manifest = any;

export const readText = (path: string) => readFileSync(join(deploy, path), "utf8");

/** All documents of a YAML file. Throws where it is malformed, or says something twice. */
export function readYaml(path: string): Manifest[] {
  return parseAllDocuments(readText(path), { merge: true }).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS();
  });
}

export function manifests(): Manifest[] {
  const [kustomization] = readYaml("kubernetes/kustomization.yaml");
  return kustomization.resources.flatMap((file: string) => readYaml(`kubernetes/${file}`));
}

/** Every file of deploy/ that is shipped, by its path in there. */
export function shippedFiles(): string[] {
  const all = globSync("**/*", { cwd: deploy, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(deploy.length + 1));
  const dotted = globSync(".env*", { cwd: deploy });
  return [...all, ...dotted].filter((path) => !path.startsWith("test/") && path !== ".env");
}
