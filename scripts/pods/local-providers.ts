/** Two simulated providers as processes of their own, so that all pods of dispatch share what they grant. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { endWithParent } from "./end-with-parent.ts";
import { requireFree } from "./free-port.ts";

export interface LocalProviders {
  /** The providers' file that names them. */
  readonly file: string;
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

const main = fileURLToPath(new URL("../../server/src/main.ts", import.meta.url));
const host = "127.0.0.1";
const idempotencyHeader = "Idempotency-Key";
const free = { limit: 20, window: "60s" };
const price = 0.002;
const readyWithinMs = 30_000;
const pollMs = 50;

/** Listens on two ports from the first one on. Keeps the file in that folder. */
export async function startLocalProviders(folder: string, firstPort: number): Promise<LocalProviders> {
  const ports = [firstPort, firstPort + 1];
  const urls = ports.map((port) => `http://${host}:${port}`);
  await requireFree(ports);
  const file = join(folder, "providers.json");
  await writeFile(file, `${JSON.stringify(providersFile(urls), undefined, 2)}\n`);
  const children = [
    launch(firstPort, ["--quota", `fixed-window:${free.limit}/${free.window}`]),
    launch(firstPort + 1, ["--price", String(price)]),
  ];
  const stop = async () => {
    await Promise.all(children.map(end));
  };
  try {
    await Promise.all(children.map((child, index) => untilReady(child, urls[index]!)));
  } catch (error) {
    await stop();
    throw error;
  }
  return { file, urls, stop };
}

function providersFile([freeUrl, paidUrl]: readonly string[]) {
  return {
    paidAccess: "everyone",
    allowPrivateHosts: [host],
    providers: [
      {
        id: "free",
        url: `${freeUrl}/process`,
        price: 0,
        idempotencyHeader,
        quotas: [{ kind: "fixed-window", ...free }],
      },
      { id: "paid", url: `${paidUrl}/process`, price, idempotencyHeader },
    ],
  };
}

function launch(port: number, args: readonly string[]): ChildProcess {
  const own = ["--port", String(port), "--host", host, "--idempotency-header", idempotencyHeader];
  return spawn(process.execPath, ["--import", endWithParent, main, "provider-sim", ...own, ...args], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    // Ctrl-C in a terminal is for whoever started it, who then stops all in order.
    detached: true,
  });
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

async function untilReady(child: ChildProcess, url: string): Promise<void> {
  const endsAtMs = Date.now() + readyWithinMs;
  for (;;) {
    if (hasEnded(child)) throw new Error(`the simulated provider at ${url} ended before it was ready`);
    if (Date.now() > endsAtMs) throw new Error(`the simulated provider at ${url} was not ready in time`);
    const isReady = await fetch(`${url}/ledger`, { signal: AbortSignal.timeout(2_000) }).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return;
    await delay(pollMs);
  }
}
