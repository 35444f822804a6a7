/** Runs what a page of the docs, or a transcript, shows for a shell. */
import { spawn } from "node:child_process";

export interface BashOptions {
  cwd: string;
  timeoutMs: number;
  environment?: Readonly<Record<string, string>>;
}

export interface BashOutcome {
  readonly stdout: string;
  readonly stderr: string;
  /** Both, as they came. */
  readonly output: string;
  /** Null: killed, since the time was over. */
  readonly exitCode: number | null;
}

/** Stops at the first command that fails. */
export function runBash(script: string, options: BashOptions): Promise<BashOutcome> {
  const child = spawn("bash", ["-euo", "pipefail", "-c", script], {
    cwd: options.cwd,
    timeout: options.timeoutMs,
    killSignal: "SIGKILL",
    env: { ...process.env, ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { stdout: "", stderr: "", output: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      texts[name] += chunk;
      texts.output += chunk;
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ ...texts, exitCode }));
  });
}
