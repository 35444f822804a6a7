/**
 * Does what a Dockerfile says, without a container engine: each stage is a folder, COPY obeys .dockerignore, RUN runs
 * with its paths led into that folder. So a file that the image would miss is missed here too.
 */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, matchesGlob } from "node:path";
import { run } from "./run.ts";
import { root } from "./tools.ts";

export interface Image {
  /** Where its root is. */
  readonly folder: string;
  readonly environment: Record<string, string>;
  readonly user: string;
  readonly entrypoint: string[];
  readonly command: string[];
  readonly healthCheck: string[];
}

interface Stage {
  folder: string;
  workdir: string;
  environment: Record<string, string>;
  user: string;
  entrypoint: string[];
  command: string[];
  healthCheck: string[];
}

/** Folders of the image that RUN may name; nothing else of the machine is touched. */
const imageFolders = /(?<![\w.-])\/(parley|var\/lib\/parley)(?=[/\s]|$)/g;

export async function buildImage(dockerfile: string, workFolder: string): Promise<Image> {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const [instruction, rest] of instructions(readFileSync(dockerfile, "utf8"))) {
    if (instruction === "FROM") {
      const [base = "", , name = String(stages.size)] = rest.split(/\s+/);
      stage = from(stages.get(base), join(workFolder, name));
      stages.set(name, stage);
    } else if (stage) {
      await apply(stage, instruction, rest, stages);
    }
  }
  return stage!;
}

function instructions(text: string): [string, string][] {
  const joined = text.replace(/^\s*#.*\n/gm, "").replace(/\\\n/g, " ");
  return joined.split("\n").flatMap((line): [string, string][] => {
    const found = /^([A-Z]+)\s+(.*)$/.exec(line.trim());
    return found ? [[found[1]!, found[2]!.trim()]] : [];
  });
}

function from(base: Stage | undefined, folder: string): Stage {
  mkdirSync(folder, { recursive: true });
  if (base) cpSync(base.folder, folder, { recursive: true, verbatimSymlinks: true });
  const empty = { workdir: "/", environment: {}, user: "0", entrypoint: [], command: [], healthCheck: [] };
  return { ...empty, ...base, environment: { ...base?.environment }, folder };
}

async function apply(stage: Stage, instruction: string, rest: string, stages: Map<string, Stage>) {
  const inStage = (path: string) =>
    join(stage.folder, path.startsWith("/") ? path : join(stage.workdir, path));
  switch (instruction) {
    case "WORKDIR":
      stage.workdir = rest;
      mkdirSync(inStage("."), { recursive: true });
      return;
    case "COPY":
      return copy(rest, inStage, stages);
    case "RUN":
      return await runShell(stage, rest);
    case "ENV":
      for (const [, name, value] of rest.matchAll(/(\w+)=(\S+)/g)) stage.environment[name!] = value!;
      return;
    case "USER":
      stage.user = rest;
      return;
    case "ENTRYPOINT":
      stage.entrypoint = JSON.parse(rest);
      return;
    case "CMD":
      stage.command = JSON.parse(rest);
      return;
    case "HEALTHCHECK":
      stage.healthCheck = JSON.parse(rest.slice(rest.indexOf("[")));
      return;
    default:
      if (!["LABEL", "EXPOSE", "STOPSIGNAL", "ARG"].includes(instruction))
        throw new Error(`${instruction}: unknown`);
  }
}

function copy(rest: string, inStage: (path: string) => string, stages: Map<string, Stage>) {
  const words = rest.split(/\s+/);
  const fromStage = words[0]!.startsWith("--from=") ? stages.get(words.shift()!.slice(7)) : undefined;
  const to = words.pop()!;
  for (const source of words) {
    const path = fromStage ? join(fromStage.folder, source) : join(root, source);
    const isFolder = existsSync(path) && statSync(path).isDirectory();
    const target = isFolder || !to.endsWith("/") ? inStage(to) : join(inStage(to), source.split("/").at(-1)!);
    const target2 = to === "./" ? join(inStage("."), source.split("/").at(-1)!) : target;
    const files = fromStage ? [] : contextFiles(source);
    if (fromStage) cpSync(path, target2, { recursive: true, verbatimSymlinks: true });
    else if (files.length === 0) throw new Error(`COPY ${source}: not in the build context`);
    for (const file of files) {
      const into = isFolder ? join(target2, file.slice(source.length + 1)) : target2;
      mkdirSync(dirname(into), { recursive: true });
      cpSync(join(root, file), into);
    }
  }
}

/** The files at a path of the build context that .dockerignore lets through; its last matching line decides. */
function contextFiles(path: string): string[] {
  const lines = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
  const rules = lines.filter((line) => line !== "" && !line.startsWith("#"));
  const isIn = (file: string) => {
    let ignored = false;
    for (const rule of rules) {
      const pattern = rule.replace(/^!/, "");
      if (matchesGlob(file, pattern) || matchesGlob(file, `${pattern}/**`)) ignored = !rule.startsWith("!");
    }
    return !ignored;
  };
  if (statSync(join(root, path), { throwIfNoEntry: false })?.isFile()) return isIn(path) ? [path] : [];
  return globSync(`${path}/**/*`, { cwd: root, exclude: (name) => name === "node_modules" }).filter(
    (file) => statSync(join(root, file)).isFile() && isIn(file),
  );
}

async function runShell(stage: Stage, command: string) {
  const led = command.replace(imageFolders, (path) => join(stage.folder, path)).replace(/-[og] \d+ /g, "");
  const { code, output } = await run("sh", ["-c", led], {
    cwd: join(stage.folder, stage.workdir),
    env: {
      ...stage.environment,
      NODE_ENV: undefined,
      // npm's own, from the `npm test` around us.
      npm_config_prefer_offline: "true",
      npm_config_workspaces: undefined,
      npm_config_local_prefix: undefined,
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    },
  });
  if (code !== 0) throw new Error(`RUN ${command}\n${output}`);
}
