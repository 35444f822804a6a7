import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { type Account, unprivilegedAccount } from "../unprivileged-account.ts";
import type { PostgresBinaries } from "./binaries.ts";

/** Starts PostgreSQL's programs under the account they accept. */
export interface ProgramRunner {
  /** Who must own the cluster directory; undefined when we run the programs as ourselves. */
  readonly account: Account | undefined;
  start(file: string, programArguments: string[], options: SpawnOptions): ChildProcess;
}

export interface ProgramResult {
  readonly code: number | null;
  /** Standard output and standard error. */
  readonly output: string;
}

export interface ReachablePaths {
  readonly binaries: PostgresBinaries;
  readonly dataDir: string;
  readonly clusterDir: string;
}

/**
 * Chooses how PostgreSQL is run. It refuses root, so root runs it as an ordinary account: the owner of an existing cluster, else
 * `postgres` or `nobody`. If that account cannot enter the folders on the way (a project below /root, say), whose modes are not ours
 * to change, it is given one capability to pass them.
 */
export async function chooseRunner(paths: ReachablePaths): Promise<ProgramRunner> {
  if (process.getuid?.() !== 0) return plainRunner(undefined);

  const account = (await ownerOf(paths.clusterDir)) ?? (await unprivilegedAccount());
  const candidates = [
    plainRunner(account),
    // Reading and entering is enough, but a container has by default only the wider one.
    capabilityRunner(account, "dac_read_search"),
    capabilityRunner(account, "dac_override"),
  ];
  const failures: string[] = [];
  for (const runner of candidates) {
    const failure = await findObstacle(runner, paths);
    if (failure === undefined) return runner;
    failures.push(failure);
  }
  throw new Error(
    `Parley runs as root, and PostgreSQL refuses to: it was tried as uid ${account.uid}, without success (${[...new Set(failures)].join("; ")}). ` +
      `Run Parley as an ordinary user who owns its folder and ${paths.dataDir}, or put both where uid ${account.uid} may enter, ` +
      "or install setpriv (util-linux) and allow CAP_SETUID, CAP_SETGID, CAP_SETPCAP and CAP_DAC_OVERRIDE, or set DATABASE_URL.",
  );
}

/** Runs a program to its end, never throwing for its exit code. */
export async function runProgram(
  runner: ProgramRunner,
  file: string,
  programArguments: string[],
  options: { input?: string; signal?: AbortSignal | undefined } = {},
): Promise<ProgramResult> {
  const child = runner.start(file, programArguments, {
    stdio: ["pipe", "pipe", "pipe"],
    ...(options.signal && { signal: options.signal }),
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  // A program that ended before it read its input is judged by its exit code.
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.input ?? "");
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output: output.trim() }));
  });
}

function plainRunner(account: Account | undefined): ProgramRunner {
  return {
    account,
    start: (file, programArguments, options) =>
      spawn(file, programArguments, { ...common(), ...options, ...account }),
  };
}

/** setpriv replaces itself by the program, so the child's pid is the program's. */
function capabilityRunner(account: Account, capability: string): ProgramRunner {
  const only = `-all,+${capability}`;
  const setpriv = [
    `--reuid=${account.uid}`,
    `--regid=${account.gid}`,
    "--clear-groups",
    // An ambient capability survives exec without making it a privileged one (AT_SECURE), in which ld.so would ignore $ORIGIN.
    `--inh-caps=${only}`,
    `--ambient-caps=${only}`,
    `--bounding-set=${only}`,
    // Else access(2), with which PostgreSQL looks for its own files, leaves out the capabilities of whoever is not root.
    "--securebits=+no_setuid_fixup",
    "--no-new-privs",
    "--",
  ];
  return {
    account,
    start: (file, programArguments, options) =>
      spawn("setpriv", [...setpriv, file, ...programArguments], { ...common(), ...options }),
  };
}

function common(): SpawnOptions {
  // PG* variables of the caller would change PostgreSQL's behaviour, and its secrets are none of PostgreSQL's business.
  const passedOn = ["PATH", "LD_LIBRARY_PATH", "NIX_LD", "NIX_LD_LIBRARY_PATH", "LOCPATH", "LOCALE_ARCHIVE"];
  const env: NodeJS.ProcessEnv = { LC_ALL: "C", TZ: "UTC" };
  for (const name of passedOn) if (process.env[name] !== undefined) env[name] = process.env[name];
  // The caller's working directory may be one that the account cannot enter.
  return { cwd: "/", env };
}

/** Tries it instead of reading modes: access lists, mount options and security modules count too. */
async function findObstacle(runner: ProgramRunner, paths: ReachablePaths): Promise<string | undefined> {
  const attempt = '"$1" --version && read -r line < "$2" && cd "$3"';
  const { binaries, dataDir } = paths;
  const parameters = ["sh", binaries.postgres, binaries.sampleFile, dataDir];
  try {
    const { code, output } = await runProgram(runner, "/bin/sh", ["-c", attempt, ...parameters]);
    return code === 0 ? undefined : (output.split("\n").at(-1) ?? `exit code ${code}`);
  } catch (error) {
    return (error as Error).message;
  }
}

async function ownerOf(path: string): Promise<Account | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && found.uid !== 0 ? { uid: found.uid, gid: found.gid } : undefined;
}
