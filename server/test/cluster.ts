/** A cluster of real processes for tests that kill, freeze and restart them; each can be reached as a client would. */
import { after } from "node:test";
import { createTestDatabase } from "#test/database.ts";
import { ampleLimits, cheapHashing } from "#test/parley.ts";
import { type RedisServer, startRedis } from "#test/redis-server.ts";
import { freePort } from "../../scripts/pods/free-port.ts";
import { createLocalCluster, type LocalCluster } from "../../scripts/pods/local-cluster.ts";

export interface TestCluster extends LocalCluster {
  readonly redis: RedisServer;
  readonly databaseUrl: string;
  /** What a pod has printed. */
  outputOf(podName: string): string;
}

export interface TestClusterOptions {
  gateways?: number;
  messengers?: number;
  identities?: number;
  dispatchers?: number;
  searchers?: number;
  blobs?: number;
  /** RabbitMQ, for the jobs. */
  amqpUrl?: string;
  settings?: Record<string, string>;
  nodeOptionsOf?: (podName: string) => readonly string[];
  databaseUrl?: string;
}

/** To be called at the top level of a test file: it ends with the file. */
export async function startCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const redis = await startRedis();
  const databaseUrl = options.databaseUrl ?? (await createTestDatabase()).url;
  const output = new Map<string, string[]>();
  const cluster = await createLocalCluster({
    ...options,
    databaseUrl,
    redisUrl: redis.url,
    settings: { ...cheapHashing, ...ampleLimits, ...options.settings },
    portsOf: async () => ({
      http: await freePort(),
      grpc: await freePort(),
      ops: await freePort(),
      service: await freePort(),
    }),
    // No trouble may bring a process down that was not asked to end.
    onUnexpectedEnd: (pod, how) => {
      const last = (output.get(pod.name) ?? []).slice(-20).join("\n");
      throw new Error(`${pod.name} has ended (${how}):\n${last}`);
    },
    onLine: (name, line) => output.set(name, [...(output.get(name) ?? []), line]),
  });
  after(async () => {
    for (const pod of cluster.pods) pod.signal("SIGCONT");
    await cluster.stop();
  });
  await cluster.start();
  return { ...cluster, redis, databaseUrl, outputOf: (name) => (output.get(name) ?? []).join("\n") };
}
