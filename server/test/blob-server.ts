/** A process that serves an object store to a test. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "node:net";
import { join } from "node:path";
import { after } from "node:test";
import { until } from "./until.ts";

export interface BlobServer {
  readonly pid: () => number;
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
}

export interface BlobServerOptions {
  port: number;
  program: string;
  args: readonly string[];
  cleanUp(): Promise<void>;
}

/** Azurite loads 340 packages, on a machine that may be busy. */
const startTimeoutMs = 60_000;

export const blobServers = join(import.meta.dirname, "../../node_modules/.blob-servers");

export async function startBlobServer({
  port,
  program,
  args,
  cleanUp,
}: BlobServerOptions): Promise<BlobServer> {
  let child: ChildProcess | undefined;
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  const start = async () => {
    child = spawn(program, args, { stdio: "ignore" });
    await until(`${program} listens`, () => listens(port), startTimeoutMs);
  };
  after(async () => {
    await kill();
    await cleanUp();
  });
  await start();
  return { pid: () => child!.pid!, kill, start };
}

async function listens(port: number): Promise<boolean> {
  const socket = createConnection(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
