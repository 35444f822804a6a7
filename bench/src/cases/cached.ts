/** What the response cache brings: the same reads with it and without, through gateways that differ in nothing else. */
import { setTimeout as sleep } from "node:timers/promises";
import { cheapPasswords } from "../accounts.ts";
import { atLeastOfFloor, type BenchCase, type CaseOptions, type CaseResult, type Measure } from "../case.ts";
import { startCluster } from "../process/cluster-process.ts";
import type { NamedProcesses } from "../process/processes-use.ts";
import { startServer } from "../process/server-process.ts";
import { compareWays, type Way, type WayResult } from "./compare-ways.ts";
import { createPairs } from "./people.ts";
import { createReads, type Read } from "./read-requests.ts";
import { writeHistory } from "./write-history.ts";

const pairCount = 20;
const connections = 32;
const pageSize = 50;
/** Few enough to be in the cache after the round that warms up. */
const distinctRequests = 200;
const minTimesUncached = 4;
const hitTimeoutMs = 40_000;
const settingsWith = { ...cheapPasswords, PARLEY_CACHE: "on" };
const settingsWithout = { ...cheapPasswords, PARLEY_CACHE: "off" };

export const cachedCase: BenchCase = {
  name: "cached",
  about: "reads from the response cache against the same without one, split and in one process",
  run,
};

async function run(options: CaseOptions): Promise<CaseResult> {
  const windowMs = options.windowMs / 2;
  const comparisons = [...(await measureSplit(windowMs)), ...(await measureWhole(windowMs))];
  return {
    measures: comparisons.map(measureOf),
    notes: [
      `${connections} keep-alive connections, closed loop, ${distinctRequests} different requests of ${pairCount * 2} people, nothing written meanwhile; the gateway with a cache said by Cache-Status that it answers from it. The two gateways were measured in turn.`,
      ...comparisons.map(
        ({ name, results: [cached, uncached] }) =>
          `Processor time for ${name}, cached: ${cached.cost}; uncached: ${uncached.cost}.`,
      ),
    ],
  };
}

interface Comparison {
  /** For people. */
  name: string;
  results: readonly [cached: WayResult, uncached: WayResult];
}

/** A gateway to be asked, and what. */
interface Side {
  url: string;
  reads: readonly Read[];
  processes: NamedProcesses;
}

/** Two gateways before the same services. */
async function measureSplit(windowMs: number): Promise<Comparison[]> {
  await using cluster = await startCluster({
    gateways: 2,
    // Services that are told of no cache would not say what they change.
    settingsOf: (name) => (name === "gateway-2" ? settingsWithout : settingsWith),
  });
  const [cached, uncached] = [cluster.gateways[0]!, cluster.gateways[1]!];
  const reads = await prepareReads({ url: cached.url, pid: cached.pid, socketUrl: cached.wsUrl }, windowMs);
  const behind = { messenger: cluster.messenger.pid, PostgreSQL: cluster.databasePid };
  const sideOf = ({ url, pid }: { url: string; pid: number }): Side => ({
    url,
    reads,
    processes: { gateway: pid, ...behind },
  });
  return await compare("split", sideOf(cached), sideOf(uncached), windowMs);
}

/** Two whole Parleys, each with data of its own of the same kind. */
async function measureWhole(windowMs: number): Promise<Comparison[]> {
  await using cached = await startServer({ settings: settingsWith });
  await using uncached = await startServer({ settings: settingsWithout });
  const sideOf = async (server: typeof cached): Promise<Side> => ({
    url: server.url,
    reads: await prepareReads(server, windowMs),
    processes: { "Parley and PostgreSQL": server.pid },
  });
  return await compare("one process", await sideOf(cached), await sideOf(uncached), windowMs);
}

async function prepareReads(server: { url: string; pid: number; socketUrl: string }, windowMs: number) {
  const pairs = await createPairs(server.url, pairCount);
  await writeHistory("cached", server, pairs, windowMs);
  return await createReads({ pairs, pageSize, distinct: distinctRequests });
}

async function compare(shape: string, cached: Side, uncached: Side, windowMs: number): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const [index, { name: read, rest }] of cached.reads.entries()) {
    const name = `${read}, ${shape}`;
    await untilHit(cached.url, rest[0]!);
    const wayTo = (text: string, { url, reads, processes }: Side): Way => ({
      name: `cached: ${name}, ${text}`,
      port: Number(new URL(url).port),
      protocol: "http",
      requests: reads[index]!.rest,
      processes,
    });
    const ways = [wayTo("cached", cached), wayTo("uncached", uncached)];
    const [withCache, withoutCache] = await compareWays(ways, { connections, windowMs });
    comparisons.push({ name, results: [withCache!, withoutCache!] });
  }
  return comparisons;
}

/** Answers are not kept in the first seconds of a cluster; and something else than the cache must not be measured. */
async function untilHit(url: string, { path, headers }: Read["rest"][number]): Promise<void> {
  const deadline = performance.now() + hitTimeoutMs;
  let status = "";
  while (performance.now() < deadline) {
    const response = await fetch(url + path, { headers, signal: AbortSignal.timeout(hitTimeoutMs) });
    await response.body?.cancel();
    status = response.headers.get("cache-status") ?? "none";
    if (/\bhit\b/.test(status)) return;
    await sleep(100);
  }
  throw new Error(`not answered from the cache within ${hitTimeoutMs} ms (Cache-Status: ${status})`);
}

function measureOf({ name, results: [cached, uncached] }: Comparison): Measure {
  return {
    name: `${name}, from the cache`,
    unit: "req/s",
    value: cached.perSecond,
    floor: { name: "the same without a cache", value: uncached.perSecond },
    target: {
      text: `≥ ${minTimesUncached} × uncached`,
      isMet: atLeastOfFloor(minTimesUncached, cached.perSecond.median, uncached.perSecond.median).isMet,
    },
  };
}
