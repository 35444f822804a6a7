import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Outcome {
  readonly code: number | null;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

const deadlineMs = 300_000;

/** For a test that runs several: programs like Ansible take long on a busy machine, and each has its own deadline. */
export const programsTimeoutMs = 3 * deadlineMs;

/** Runs a program to its end, and kills it when it does not come. */
export async function run(
  program: string,
  args: string[],
  options: { cwd?: string; env?: Record<string, string | undefined>; uid?: number; gid?: number } = {},
): Promise<Outcome> {
  const child = spawn(program, args, {
    ...options,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: deadlineMs,
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}
