/** A Redis cluster of three masters of a test's own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { type RedisServer, startRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";
import { freePort } from "../../scripts/pods/free-port.ts";

export interface RedisCluster {
  readonly url: string;
  readonly nodes: readonly RedisServer[];
}

const lastSlots = [5_460, 10_922, 16_383];

/** To be called at the top level of a test file: it ends with the file. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const dir = await mkdtemp(join(tmpdir(), "parley-redis-cluster-"));
  const nodes: RedisServer[] = [];
  const meetings: string[] = [];
  for (const [index, last] of lastSlots.entries()) {
    const busPort = await freePort();
    const state = ["--dir", dir, "--cluster-config-file", `nodes-${index}.conf`];
    const node = await startRedis(["--cluster-enabled", "yes", "--cluster-port", String(busPort), ...state]);
    const first = index === 0 ? 0 : lastSlots[index - 1]! + 1;
    await node.command(`CLUSTER ADDSLOTSRANGE ${first} ${last}`);
    nodes.push(node);
    meetings.push(`CLUSTER MEET 127.0.0.1 ${new URL(node.url).port} ${busPort}`);
  }
  after(() => rm(dir, { recursive: true, force: true }));
  for (const meeting of meetings.slice(1)) await nodes[0]!.command(meeting);
  await untilUp(nodes);
  return { url: nodes[0]!.url, nodes };
}

/** Until every node sees all slots served. */
export async function untilUp(nodes: readonly RedisServer[]): Promise<void> {
  for (const node of nodes) {
    const isUp = async () => !(await node.command("GET key")).startsWith("-CLUSTERDOWN");
    await until("the Redis cluster is up", isUp);
  }
}
