/**
 * Runs a whole cluster of Parley on this machine, see --help. For trying out what several pods do; a cluster to be
 * relied upon is described in docs/deployment.md.
 */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createLocalCluster, type LocalCluster } from "./pods/local-cluster.ts";
import { readClusterSecrets, startLocalDatabase } from "./pods/local-database.ts";
import { type LocalProviders, startLocalProviders } from "./pods/local-providers.ts";
import { startLocalRedis } from "./pods/local-redis.ts";
import type { Pod } from "./pods/pod.ts";

const help = `Usage: npm run pods [-- --gateways 2 --messengers 2 --dispatchers 1 --searchers 1 --blobs 1]

Starts a local cluster: gateways, messengers, dispatchers, searchers, blobs and one identity, on one PostgreSQL and one Redis, and
prints where they are. Ctrl-C stops it.

  DATABASE_URL      the PostgreSQL to use; without it, Parley's own under ./data/pods
  REDIS_URL         the Redis or Valkey to use; without it, redis-server or valkey-server of this machine
  AMQP_URL          the RabbitMQ that carries the jobs; without it, they are kept in the database
  PARLEY_PROVIDERS  the file of the providers that process texts; without it, two simulated ones, which all pods share
  PARLEY_DATA_DIR   another place than ./data/pods for the database, secrets and logs

Parley's other commands look at the cluster with that directory: PARLEY_DATA_DIR=./data/pods npx parley jobs

Other settings of Parley (PARLEY_…, OTEL_…) are handed on to all pods, except those that make a cluster of them: roles,
ports, URLs and secrets. There is no load balancer: a client of a gateway that ends waits for it to come back.
`;

/** Ports of the pods: 8080, 8081 … for HTTP, and so on for the rest, so that they are easily remembered. */
const firstPorts = { http: 8080, grpc: 9090, service: 9190, ops: 9464 };
const firstProviderPort = 4000;
const dataDir = resolve(process.env.PARLEY_DATA_DIR || "data/pods");

/** How many pods of each there are; options of the command line have the same names. */
const standardCounts = { gateways: 2, messengers: 2, dispatchers: 1, searchers: 1, blobs: 1 };
type Counts = typeof standardCounts;

async function main(): Promise<number> {
  const stopRequested = stopSignal();
  await using resources = new AsyncDisposableStack();
  try {
    const counts = readCommandLine();
    if (counts === "help") {
      console.log(help);
      return 0;
    }
    await mkdir(dataDir, { recursive: true });
    const providers = process.env.PARLEY_PROVIDERS ? undefined : await ownProviders(resources);
    const cluster = await startCluster(resources, providers, counts);
    console.log(describe(cluster, providers));
  } catch (error) {
    console.error(`pods: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
  await stopRequested;
  console.log("Stopping…");
  return 0;
}

async function startCluster(
  resources: AsyncDisposableStack,
  providers: LocalProviders | undefined,
  counts: Counts,
): Promise<LocalCluster> {
  const databaseUrl = process.env.DATABASE_URL || (await ownDatabase(resources));
  const redisUrl = process.env.REDIS_URL || (await ownRedis(resources));
  const logs = createWriteStream(join(dataDir, "pods.log"), { flags: "a" });
  resources.defer(() => void logs.end());
  const cluster = await createLocalCluster({
    ...counts,
    databaseUrl,
    redisUrl,
    amqpUrl: process.env.AMQP_URL,
    ...(await readClusterSecrets(dataDir)),
    settings: { ...settingsHandedOn(), ...(providers ? { PARLEY_PROVIDERS: providers.file } : {}) },
    portsOf: (index) => ({
      http: firstPorts.http + index,
      grpc: firstPorts.grpc + index,
      service: firstPorts.service + index,
      ops: firstPorts.ops + index,
    }),
    onLine: (name, line) => void logs.write(`${name} ${line}\n`),
    onUnexpectedEnd: (pod, how) =>
      console.error(`${pod.name} has ended (${how}); see ${join(dataDir, "pods.log")}`),
  });
  resources.defer(() => cluster.stop());
  await cluster.start();
  return cluster;
}

async function ownDatabase(resources: AsyncDisposableStack): Promise<string> {
  const database = await startLocalDatabase(dataDir);
  resources.defer(() => database.stop());
  return database.url;
}

async function ownProviders(resources: AsyncDisposableStack): Promise<LocalProviders> {
  const providers = await startLocalProviders(dataDir, firstProviderPort);
  resources.defer(() => providers.stop());
  return providers;
}

async function ownRedis(resources: AsyncDisposableStack): Promise<string> {
  const redis = await startLocalRedis();
  resources.defer(() => redis.stop());
  return redis.url;
}

/** What makes a cluster of the pods is not for the environment to say. */
const ownSettings = /^PARLEY_(ROLES|DATA_DIR|SECRET_KEY|SERVICE_TOKEN|[A-Z]+_URL|([A-Z]+_)?PORT)$/;

function settingsHandedOn(): Record<string, string> {
  const given = Object.entries(process.env).filter(
    ([name]) => name.startsWith("PARLEY_") && !ownSettings.test(name) && !name.startsWith("PARLEY_TEST_"),
  );
  return Object.fromEntries(given) as Record<string, string>;
}

function readCommandLine(): Counts | "help" {
  const names = Object.keys(standardCounts);
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      ...Object.fromEntries(names.map((name) => [name, { type: "string" as const }])),
    },
  });
  if (values.help) return "help";
  const given = Object.entries(values).map(([name, text]) => [name, countOf(`--${name}`, String(text))]);
  return { ...standardCounts, ...Object.fromEntries(given) };
}

function countOf(option: string, text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > 20) throw new Error(`${option} must be a number from 1 to 20`);
  return count;
}

function describe({ gateways, pods }: LocalCluster, providers: LocalProviders | undefined): string {
  const gatewayLines = gateways.map(
    (pod) =>
      `  ${pod.name.padEnd(13)}${pod.url}   gRPC ${pod.grpcUrl}   ops ${pod.opsUrl}   process ${pod.pid}`,
  );
  const serviceLine = (pod: Pod) =>
    `  ${pod.name.padEnd(13)}${pod.serviceUrl}   ops ${pod.opsUrl}   process ${pod.pid}`;
  return [
    "\nThe cluster is ready. Web client and API at each gateway:",
    ...gatewayLines,
    "Services:",
    ...pods.filter((pod) => !gateways.includes(pod)).map(serviceLine),
    ...(providers ? [`Simulated providers, free and paid: ${providers.urls.join(", ")} (/ledger)`] : []),
    `Logs: ${join(dataDir, "pods.log")}\n`,
  ].join("\n");
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => resolve());
  });
}

process.exitCode = await main();
