/** A Redis (or Valkey) process of a test's own, which the test may stop, freeze and start again on the same port. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { after } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

export interface RedisServer {
  readonly url: string;
  readonly pid: number;
  /** Everything that it held is gone after it. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Sends a command in the inline protocol and resolves to the first line of the answer. */
  command(line: string): Promise<string>;
  /** The same, with all lines of an answer that fits into one packet. */
  lines(line: string): Promise<string[]>;
}

const programs = ["redis-server", "valkey-server"];

/** Undefined when the machine has none. */
export function findRedis(): string | undefined {
  return programs.find((program) => {
    try {
      return execFileSync(program, ["--version"], { stdio: ["ignore", "pipe", "ignore"] }).length > 0;
    } catch {
      return false;
    }
  });
}

/** For the `skip` option of a test; `npm test` says loudly when it is in force, and fails in CI. */
export const withoutRedis = findRedis() ? false : "no redis-server or valkey-server on this machine";

/** To be called at the top level of a test file: it ends with the file. */
export async function startRedis(args: string[] = []): Promise<RedisServer> {
  const program = findRedis();
  if (!program) throw new Error("no redis-server or valkey-server on this machine");
  const port = await freePort();
  let child: ChildProcess | undefined;
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  const start = async () => {
    const fixed = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    child = spawn(program, [...fixed, ...args], { stdio: "ignore" });
    await untilOpen(port);
  };
  after(kill);
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return child!.pid!;
    },
    kill,
    start,
    command: async (line) => (await inlineCommand(port, line))[0]!,
    lines: (line) => inlineCommand(port, line),
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

async function untilOpen(port: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      await inlineCommand(port, "PING");
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(20);
    }
  }
}

async function inlineCommand(port: number, line: string): Promise<string[]> {
  const socket = createConnection(port, "127.0.0.1");
  socket.write(`${line}\r\n`);
  const [answer] = (await once(socket, "data", { signal: AbortSignal.timeout(5_000) })) as [Buffer];
  socket.destroy();
  return answer.toString().split("\r\n");
}
