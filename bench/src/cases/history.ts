/** Pages of history over REST: many clients that scroll. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cheapPasswords } from "../accounts.ts";
import { atLeastOfFloor, type BenchCase, type CaseOptions, type CaseResult } from "../case.ts";
import type { HttpLoadResult, LoadRequestOptions } from "../load/http-load.ts";
import { startFloor } from "../process/floor-process.ts";
import { inspectOption } from "../process/inspector.ts";
import { profileOf } from "../process/processor-profile.ts";
import { startServer } from "../process/server-process.ts";
import { makeTemporaryDirectory } from "../process/temporary-directory.ts";
import { type Repeated, repeated } from "../statistics.ts";
import { type HttpBench, openHttpBench } from "./http-bench.ts";
import { createPairs } from "./people.ts";
import { createReads } from "./read-requests.ts";
import { writeHistory } from "./write-history.ts";

const pairCount = 20;
const distinctRequests = 2_000;
const connections = 32;
const pageSize = 50;
const minShareOfFloor = 0.3;

export const historyCase: BenchCase = {
  name: "history",
  about: `pages of ${pageSize} messages over REST, uncached, ${connections} connections`,
  run,
};

async function run(options: CaseOptions): Promise<CaseResult> {
  const nodeOptions = options.profile ? [inspectOption] : [];
  await using server = await startServer({ settings: cheapPasswords, nodeOptions });
  const pairs = await createPairs(server.url, pairCount);
  await writeHistory("history", server, pairs, options.windowMs);
  const [, { rest: requests }] = await createReads({ pairs, pageSize, distinct: distinctRequests });
  const page = await readPage(server.url, requests[0]!);
  await using bench = openHttpBench({
    name: "history",
    server,
    requests,
    connections,
    windowMs: options.windowMs,
  });
  const limit = await bench.findLimit();
  const halfLimit = Math.round(limit.perSecond.median / 2);
  const calm = await bench.openLoop(halfLimit);
  const profile = options.profile ? await bench.profileLimit() : undefined;
  const floor = await measureFloor(page, options, halfLimit);
  return {
    measures: [
      {
        name: `history, pages of ${pageSize} messages`,
        unit: "pages/s",
        value: limit.perSecond,
        floor: { name: "bare Fastify, same payload", value: floor.limit },
        target: atLeastOfFloor(minShareOfFloor, limit.perSecond.median, floor.limit.median),
      },
      ...(["p50Ms", "p99Ms"] as const).map((percentile) => ({
        name: `  a page at ${halfLimit.toLocaleString("en")} pages/s, ${percentile.slice(0, -2)}`,
        unit: "ms" as const,
        value: repeated([calm.latency[percentile]]),
        floor: { name: "bare Fastify, same payload", value: repeated([floor.calm.latency[percentile]]) },
      })),
    ],
    notes: [
      `${connections} keep-alive connections, each asking again as soon as it is answered, ${requests.length.toLocaleString("en")} different pages of ${pairCount} chats in random order, ${Math.round(limit.meanBodyBytes / 1_024)} KB each; latency in an open loop.`,
      ...limit.cost,
    ],
    ...profileOf(profile),
  };
}

/** The JSON text of one page. */
async function readPage(url: string, { path, headers }: LoadRequestOptions): Promise<string> {
  const response = await fetch(url + path, { headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${text}`);
  return text;
}

async function measureFloor(
  page: string,
  { windowMs }: CaseOptions,
  calmPerSecond: number,
): Promise<{ limit: Repeated; calm: HttpLoadResult }> {
  await using directory = await makeTemporaryDirectory();
  const file = join(directory.path, "page.json");
  await writeFile(file, page);
  await using server = await startFloor("http", { arguments: [file] });
  const requests = [{ path: "/page", headers: {} }];
  await using bench: HttpBench = openHttpBench({
    name: "bare Fastify",
    server,
    requests,
    connections,
    windowMs,
  });
  const { perSecond } = await bench.findLimit();
  return { limit: perSecond, calm: await bench.openLoop(calmPerSecond) };
}
