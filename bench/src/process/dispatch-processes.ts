/** Pods that run dispatch alone, on one database, before two simulated providers; all of them real processes. */
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../../scripts/pods/free-port.ts";
import { startLocalDatabase } from "../../../scripts/pods/local-database.ts";
import { startLocalRedis } from "../../../scripts/pods/local-redis.ts";
import { createPod, type Pod } from "../../../scripts/pods/pod.ts";
import type { Ledger } from "../dispatch/evaluate.ts";
import { startChild } from "./child.ts";
import { waitUntilAnswers } from "./readiness.ts";
import { stoppable } from "./running.ts";
import { makeTemporaryDirectory } from "./temporary-directory.ts";

export interface DispatchProcessesOptions {
  pods: number;
  /** Of the free provider, as in providers.json. */
  quotas: object[];
  /** Of both providers, as in providers.json. */
  settings?: object;
}

export interface SimulatedProvider {
  readonly id: string;
  readonly url: string;
  readonly pid: number;
  /** What it has counted since the last reset. */
  ledger(): Promise<Ledger>;
  reset(): Promise<void>;
}

export interface DispatchProcesses extends AsyncDisposable {
  readonly pods: readonly Pod[];
  readonly free: SimulatedProvider;
  readonly paid: SimulatedProvider;
  readonly serviceToken: string;
}

export const freeId = "free";
const paidId = "paid";
const root = fileURLToPath(new URL("../../../", import.meta.url));
const readyTimeoutMs = 20_000;

export async function startDispatch(options: DispatchProcessesOptions): Promise<DispatchProcesses> {
  const resources = new AsyncDisposableStack();
  const stop = stoppable(() => resources.disposeAsync());
  try {
    return { ...(await start(options, resources)), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(options: DispatchProcessesOptions, resources: AsyncDisposableStack) {
  const directory = resources.use(await makeTemporaryDirectory());
  const database = await startLocalDatabase(directory.path);
  resources.defer(() => database.stop());
  const redis = await startLocalRedis();
  resources.defer(() => redis.stop());
  const free = await startProvider(freeId, simulatedQuotas(options.quotas), resources);
  const paid = await startProvider(paidId, ["--price", "0.002"], resources);
  const providersPath = join(directory.path, "providers.json");
  await writeFile(providersPath, JSON.stringify(providersFile(options, free.url, paid.url)));
  const serviceToken = randomBytes(32).toString("base64");
  const settings = {
    PARLEY_ROLES: "dispatch",
    PARLEY_PROVIDERS: providersPath,
    PARLEY_SERVICE_TOKEN: serviceToken,
    PARLEY_LOG_LEVEL: "warn",
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
  };
  const pods: Pod[] = [];
  for (let nth = 1; nth <= options.pods; nth++) {
    const ports = {
      http: await freePort(),
      grpc: await freePort(),
      service: await freePort(),
      ops: await freePort(),
    };
    const pod = createPod({
      name: `dispatch-${nth}`,
      ports,
      settings,
      onLine: () => {},
    });
    resources.defer(async () => void (await pod.end("SIGTERM")));
    await pod.start();
    pods.push(pod);
  }
  return { pods, free, paid, serviceToken };
}

function providersFile({ quotas, settings }: DispatchProcessesOptions, freeUrl: string, paidUrl: string) {
  return {
    currency: "USD",
    paidAccess: "everyone",
    allowPrivateHosts: ["127.0.0.1"],
    providers: [
      { id: freeId, adapter: "json", url: freeUrl, price: 0, quotas, ...settings },
      { id: paidId, adapter: "json", url: paidUrl, price: 0.002, ...settings },
    ],
  };
}

interface QuotaText {
  kind: string;
  limit: number;
  window?: string;
  block?: string;
}

const simulatedQuotas = (quotas: object[]) =>
  (quotas as QuotaText[]).flatMap(({ kind, limit, window, block }) => [
    "--quota",
    `${kind}:${limit}${window ? `/${window}` : ""}${block ? `,block=${block}` : ""}`,
  ]);

async function startProvider(
  id: string,
  args: string[],
  resources: AsyncDisposableStack,
): Promise<SimulatedProvider> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const command = ["server/src/main.ts", "provider-sim", "--port", new URL(url).port, ...args];
  const child = startChild(process.execPath, command, { cwd: root });
  resources.defer(() => child.stop());
  await waitUntilAnswers(`${url}/ledger`, child.ended, readyTimeoutMs);
  const ask = async (path: string, method: string) => {
    const response = await fetch(`${url}${path}`, { method });
    if (!response.ok) throw new Error(`the simulated provider answered ${path} with ${response.status}`);
    return response;
  };
  return {
    id,
    url,
    pid: child.pid,
    ledger: async () => (await (await ask("/ledger", "GET")).json()) as Ledger,
    reset: async () => void (await ask("/reset", "POST")),
  };
}
