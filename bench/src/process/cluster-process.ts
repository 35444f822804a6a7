/** Parley as several processes, its roles apart, with a PostgreSQL and a Redis of their own. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../../scripts/pods/free-port.ts";
import { createLocalCluster, type LocalCluster } from "../../../scripts/pods/local-cluster.ts";
import { startLocalDatabase } from "../../../scripts/pods/local-database.ts";
import { startLocalRedis } from "../../../scripts/pods/local-redis.ts";
import type { Pod } from "../../../scripts/pods/pod.ts";
import { inspectorUrl } from "./inspector.ts";
import { stoppable } from "./running.ts";
import { limitsOutOfReach } from "./server-process.ts";
import { makeTemporaryDirectory } from "./temporary-directory.ts";

export interface ClusterOptions {
  gateways: number;
  /** Settings of all processes, beyond the defaults. */
  settings?: Record<string, string>;
  /** Further ones of the process with that name: gateway-1, gateway-2, … */
  settingsOf?: (podName: string) => Record<string, string>;
  nodeOptionsOf?: (podName: string) => string[];
}

export interface ClusterProcess extends AsyncDisposable {
  readonly gateways: readonly Pod[];
  readonly identity: Pod;
  readonly messenger: Pod;
  /** What services are called with. */
  readonly serviceToken: string;
  /** Of PostgreSQL's main process. */
  readonly databasePid: number;
  readonly redisPid: number;
  /** Of a process that was started with inspectOption. */
  inspectorUrlOf(podName: string): string | undefined;
}

const stopTimeoutMs = 20_000;

export async function startCluster(options: ClusterOptions): Promise<ClusterProcess> {
  const resources = new AsyncDisposableStack();
  const stop = stoppable(() => resources.disposeAsync());
  try {
    return await start(options, resources, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(options: ClusterOptions, resources: AsyncDisposableStack, stop: () => Promise<void>) {
  const directory = resources.use(await makeTemporaryDirectory());
  const database = await owned(resources, () => startLocalDatabase(directory.path));
  const redis = await owned(resources, startLocalRedis);
  const serviceToken = randomBytes(32).toString("base64");
  const inspectorUrls = new Map<string, string>();
  const cluster = await createLocalCluster({
    gateways: options.gateways,
    messengers: 1,
    databaseUrl: database.url,
    redisUrl: redis.url,
    serviceToken,
    settings: { PARLEY_LOG_LEVEL: "warn", ...limitsOutOfReach, ...options.settings },
    settingsOf: options.settingsOf ?? (() => ({})),
    nodeOptionsOf: options.nodeOptionsOf ?? (() => []),
    portsOf: createPorts(),
    onLine(name, line) {
      const url = inspectorUrl(line);
      if (url) inspectorUrls.set(name, url);
    },
  });
  resources.defer(() => endCluster(cluster));
  // The last resort, for an exit that nobody awaited.
  const kill = () => cluster.pods.forEach((pod) => void pod.signal("SIGKILL"));
  process.on("exit", kill);
  resources.defer(async () => void process.off("exit", kill));
  await cluster.start();
  return {
    gateways: cluster.gateways,
    identity: cluster.identities[0]!,
    messenger: cluster.messengers[0]!,
    serviceToken,
    databasePid: await readDatabasePid(directory.path),
    redisPid: redis.pid,
    inspectorUrlOf: (podName: string) => inspectorUrls.get(podName),
    [Symbol.asyncDispose]: stop,
  };
}

/** Starts something that goes with the rest, also when the rest has to go while this one starts. */
async function owned<T extends { stop(): Promise<void> }>(
  resources: AsyncDisposableStack,
  startOne: () => Promise<T>,
): Promise<T> {
  if (resources.disposed) throw new Error("stopped while it was starting");
  const started = startOne();
  resources.defer(() =>
    started.then(
      (one) => one.stop(),
      () => {},
    ),
  );
  return await started;
}

/** In good order when there is time for it, by force when not; one that is frozen has to thaw first. */
async function endCluster(cluster: LocalCluster): Promise<void> {
  const signalAll = (signal: NodeJS.Signals) => cluster.pods.forEach((pod) => void pod.signal(signal));
  signalAll("SIGCONT");
  const timer = setTimeout(() => signalAll("SIGKILL"), stopTimeoutMs);
  await cluster.stop().finally(() => clearTimeout(timer));
}

/** No two the same: none is in use before all have been given out. */
function createPorts() {
  const given = new Set<number>();
  const next = async (): Promise<number> => {
    const port = await freePort();
    if (given.has(port)) return next();
    given.add(port);
    return port;
  };
  return async () => ({ http: await next(), grpc: await next(), service: await next(), ops: await next() });
}

async function readDatabasePid(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, "postgres", "postmaster.pid"), "utf8"), 10);
}
