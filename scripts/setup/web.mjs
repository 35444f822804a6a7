import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundledNode, lastLines, root, run, SetupError } from "./run.mjs";

const web = join(root, "web");
const dist = join(web, "dist");
// In node_modules: it is ignored by git and by the server, and a new installation (with a new bundler, perhaps) empties it.
const work = join(root, "node_modules", ".parley-web");
const stampPath = join(work, "built-from");

/** What the built files are made from. */
const sources = ["web", "client/src", "client/package.json", "api/gen", "package-lock.json", "tsconfig.json"];
const notSources = new Set(["dist", "node_modules"]);

export function isWebBuilt() {
  if (!existsSync(join(web, "vite.config.ts"))) return true;
  return (
    existsSync(join(dist, "index.html")) &&
    existsSync(stampPath) &&
    readFileSync(stampPath, "utf8") === hashSources()
  );
}

/** Builds beside the place and moves in when done: nobody is ever served half a web client. */
export async function buildWeb() {
  console.log("Building the web client…");
  const hash = hashSources();
  const building = join(work, "dist");
  const previous = join(work, "previous");
  mkdirSync(work, { recursive: true });
  const vite = join(root, "node_modules", "vite", "bin", "vite.js");
  const { NODE_ENV: _, ...env } = process.env;
  const { ok, output } = await run(
    bundledNode,
    [vite, "build", "--outDir", building, "--emptyOutDir", "--logLevel", "warn"],
    { cwd: web, env },
  );
  if (!ok) throw new SetupError(`The web client could not be built.\n\n${lastLines(output, 30)}`);

  rmSync(previous, { recursive: true, force: true });
  if (existsSync(dist)) renameSync(dist, previous);
  renameSync(building, dist);
  writeFileSync(stampPath, hash);
  rmSync(previous, { recursive: true, force: true });
}

/** Contents and not times: a checkout or a copy changes the times of files that are the same. */
function hashSources() {
  const hash = createHash("sha256");
  for (const path of sources.flatMap((source) => listFiles(source)))
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update("\0");
  return hash.digest("hex");
}

/** Paths of files, relative to the root and in a fixed order. */
function listFiles(path) {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  let entries;
  try {
    entries = readdirSync(full, { withFileTypes: true });
  } catch (error) {
    if (error.code === "ENOTDIR") return [path];
    throw error;
  }
  return entries
    .filter((entry) => !notSources.has(entry.name) && !/\.test\.tsx?$/.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() ? listFiles(`${path}/${entry.name}`) : [`${path}/${entry.name}`],
    );
}
