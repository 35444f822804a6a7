/** A floor as a process of its own, with the same room on the machine as Parley has. */
import { fileURLToPath } from "node:url";
import { freePort } from "../../../scripts/pods/free-port.ts";
import { startChild } from "./child.ts";
import { inspectorUrl } from "./inspector.ts";
import { waitUntilAnswers } from "./readiness.ts";

export interface FloorProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly socketUrl: string;
  readonly socketUrls: readonly string[];
  readonly readyAfterMs: number;
  readonly inspectorUrl: string | undefined;
}

const readyTimeoutMs = 20_000;

export interface FloorOptions {
  nodeOptions?: string[];
  arguments?: string[];
}

export async function startFloor(
  name: "socket" | "http" | "bytes",
  options: FloorOptions = {},
): Promise<FloorProcess> {
  const port = await freePort();
  const script = fileURLToPath(new URL(`../floors/${name}-floor.ts`, import.meta.url));
  const startedAt = performance.now();
  const child = startChild(
    process.execPath,
    [...(options.nodeOptions ?? []), script, `${port}`, ...(options.arguments ?? [])],
    {},
  );
  try {
    await waitUntilAnswers(`http://127.0.0.1:${port}/`, child.ended, readyTimeoutMs);
  } catch (error) {
    await child.stop();
    throw error;
  }
  const socketUrl = `ws://127.0.0.1:${port}/v2/ws`;
  return {
    pid: child.pid,
    port,
    socketUrl,
    socketUrls: [socketUrl],
    readyAfterMs: performance.now() - startedAt,
    inspectorUrl: inspectorUrl(child.outputTail()),
    [Symbol.asyncDispose]: () => child.stop(),
  };
}
