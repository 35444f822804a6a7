/** A Redis (or Valkey) process of a test's own, which the test may stop, freeze and start again on the same port. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "node:net";
import { after } from "node:test";
import { freePort } from "../../scripts/pods/free-port.ts";
import { findRedis, spawnRedis } from "../../scripts/pods/local-redis.ts";

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

/** For the `skip` option of a test; `npm test` says loudly when it is in force, and fails in CI. */
export const withoutRedis = findRedis() ? false : "no redis-server or valkey-server on this machine";

/** To be called at the top level of a test file: it ends with the file. */
export async function startRedis(args: string[] = []): Promise<RedisServer> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  const start = async () => {
    child = await spawnRedis(port, { args });
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

async function inlineCommand(port: number, line: string): Promise<string[]> {
  const socket = createConnection(port, "127.0.0.1");
  socket.write(`${line}\r\n`);
  const [answer] = (await once(socket, "data", { signal: AbortSignal.timeout(5_000) })) as [Buffer];
  socket.destroy();
  return answer.toString().split("\r\n");
}
