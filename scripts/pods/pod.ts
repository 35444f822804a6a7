/** One process of Parley: some roles on ports of its own, which it keeps when it is started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { endWithParent } from "./end-with-parent.ts";

export interface PodPorts {
  http: number;
  grpc: number;
  ops: number;
  service: number;
}

export interface PodOptions {
  name: string;
  ports: PodPorts;
  /** Settings of Parley; nothing of this process's own settings reaches the pod. */
  settings: Record<string, string>;
  /** Options for Node. */
  nodeOptions?: readonly string[] | undefined;
  /** Gets what the pod prints, by the line. */
  onLine(line: string): void;
  /** Called when the process has ended without being asked to. */
  onUnexpectedEnd?: ((pod: Pod, how: string) => void) | undefined;
}

export interface Pod {
  readonly name: string;
  readonly url: string;
  readonly wsUrl: string;
  readonly grpcUrl: string;
  readonly opsUrl: string;
  readonly serviceUrl: string;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Starts the process; resolves when it is ready. Rejects with the last of its output when it ends before. */
  start(): Promise<void>;
  /** Sends a signal that is to end it and waits for the end. Resolves to the exit code; null when the signal itself ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** A signal that does not end it, such as SIGSTOP. */
  signal(signal: NodeJS.Signals): void;
}

const main = fileURLToPath(new URL("../../server/src/main.ts", import.meta.url));
const readyWithinMs = 60_000;
const pollMs = 50;
const keptLines = 50;

export function createPod(options: PodOptions): Pod {
  const { name, ports } = options;
  let child: ChildProcess | undefined;
  let isEnding = false;
  const lines: string[] = [];
  const on = (port: number, scheme = "http") => `${scheme}://127.0.0.1:${port}`;
  const pod: Pod = {
    name,
    url: on(ports.http),
    wsUrl: `${on(ports.http, "ws")}/v2/ws`,
    grpcUrl: on(ports.grpc),
    opsUrl: on(ports.ops),
    serviceUrl: on(ports.service),
    get pid() {
      return child?.pid ?? 0;
    },
    async start() {
      isEnding = false;
      const started = launch(options);
      child = started;
      const keep = (line: string) => {
        lines.push(line);
        if (lines.length > keptLines) lines.shift();
        options.onLine(line);
      };
      readLines(started, keep);
      started.once("exit", (code, signal) => {
        if (!isEnding) options.onUnexpectedEnd?.(pod, signal ?? `code ${code}`);
      });
      await untilReady(pod, started, lines);
    },
    async end(signal) {
      if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
      isEnding = true;
      const exited = once(child, "exit") as Promise<[number | null]>;
      child.kill(signal);
      const [code] = await exited;
      return code;
    },
    signal(signal) {
      child?.kill(signal);
    },
  };
  return pod;
}

function launch({ ports, settings, nodeOptions = [] }: PodOptions): ChildProcess {
  const foreign = /^(PARLEY_|DATABASE_URL$|REDIS_URL$|AMQP_URL$|NODE_OPTIONS$)/;
  const own = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return spawn(process.execPath, [...nodeOptions, "--import", endWithParent, main, "serve"], {
    env: {
      ...Object.fromEntries(own),
      PARLEY_PORT: String(ports.http),
      PARLEY_GRPC_PORT: String(ports.grpc),
      PARLEY_OPS_PORT: String(ports.ops),
      PARLEY_SERVICE_PORT: String(ports.service),
      ...settings,
    },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // Ctrl-C in a terminal is for whoever started the pods, who then stops them in order.
    detached: true,
  });
}

function readLines(child: ChildProcess, onLine: (line: string) => void) {
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) if (line.trim() !== "") onLine(line);
    });
  }
}

async function untilReady(pod: Pod, child: ChildProcess, lines: readonly string[]): Promise<void> {
  const endsAtMs = Date.now() + readyWithinMs;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`${pod.name} ended before it was ready:\n${lines.join("\n")}`);
    }
    if (Date.now() > endsAtMs) throw new Error(`${pod.name} was not ready in time:\n${lines.join("\n")}`);
    const isReady = await fetch(`${pod.opsUrl}/readyz`, { signal: AbortSignal.timeout(2_000) }).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return;
    await delay(pollMs);
  }
}
