/** A child process that is always ended: in good order when there is time for it, by force when not. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";

export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  /** The end of what it has printed, for the report of a failure. */
  outputTail(): string;
  /** Rejects when the process ends; never resolves. */
  readonly ended: Promise<never>;
  stop(): Promise<void>;
}

const tailChars = 4_000;
const stopTimeoutMs = 20_000;
const living = new Set<ChildProcess>();

/** For an end that comes from outside: whoever started a child may not get to stop it. */
export async function stopChildren(): Promise<void> {
  await Promise.all([...living].map(stopChild));
}

// The last resort, for an exit that nobody awaited.
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

export function startChild(command: string, args: string[], options: SpawnOptions): Child {
  const child = spawn(command, args, { ...options, stdio: options.stdio ?? ["ignore", "pipe", "pipe"] });
  living.add(child);
  let tail = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-tailChars);
    });
  }
  const ended = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      living.delete(child);
      reject(new Error(`${command} ${args.join(" ")} ended (${signal ?? code})\n${tail}`));
    });
  });
  // Its end is of interest only to those who wait for it.
  ended.catch(() => {});
  return {
    process: child,
    pid: child.pid ?? 0,
    outputTail: () => tail,
    ended,
    stop: () => stopChild(child),
  };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  await exit.catch(() => {});
  clearTimeout(timer);
}
