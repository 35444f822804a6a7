/** A Redis or Valkey of the machine's, run for a local cluster: in memory only, on a free port of this machine. */
import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { findProgram } from "../find-program.ts";
import { freePort } from "./free-port.ts";

const programs = ["redis-server", "valkey-server"];
const startTimeoutMs = 10_000;

export interface LocalRedis {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Throws when the machine has neither. */
export async function startLocalRedis(): Promise<LocalRedis> {
  const port = await freePort();
  // Ctrl-C in a terminal is for whoever started the cluster, who then stops Redis last.
  const child = await spawnRedis(port, { detached: true });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    stop() {
      child.kill("SIGTERM");
      return exited;
    },
  };
}

/** Undefined when the machine has neither. */
export const findRedis = (): string | undefined => findProgram(programs);

/** Resolves once it accepts connections. */
export async function spawnRedis(
  port: number,
  { args = [], detached = false }: { args?: readonly string[]; detached?: boolean },
): Promise<ChildProcess> {
  const program = findRedis();
  if (!program) {
    throw new Error(
      "a cluster needs a Redis: set REDIS_URL, or install one (on Debian: apt-get install redis-server)",
    );
  }
  const fixed = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const child = spawn(program, [...fixed, ...args], { stdio: "ignore", detached });
  await untilAccepting(port, child);
  return child;
}

async function untilAccepting(port: number, child: ChildProcess): Promise<void> {
  const endsAtMs = Date.now() + startTimeoutMs;
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      const settle = (answer: boolean) => {
        socket.destroy();
        resolve(answer);
      };
      socket.once("connect", () => settle(true)).once("error", () => settle(false));
    });
    if (isOpen) return;
    if (child.exitCode !== null || Date.now() > endsAtMs) {
      child.kill("SIGKILL");
      throw new Error("the Redis of this machine does not start");
    }
    await delay(20);
  }
}
