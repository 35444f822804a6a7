/** Several ways to the same answers, measured in turn, so that whatever else the machine does befalls all of them. */
import type { HttpLoadOptions } from "../load/http-load.ts";
import { startLoadProcess } from "../process/load-process.ts";
import {
  addUse,
  measureProcesses,
  type NamedProcesses,
  type ProcessesUse,
  useText,
} from "../process/processes-use.ts";
import { tell } from "../progress.ts";
import { type Repeated, repeated } from "../statistics.ts";

export interface Way {
  name: string;
  port: number;
  protocol: NonNullable<HttpLoadOptions["protocol"]>;
  requests: HttpLoadOptions["requests"];
  /** Whose processor time is of interest. */
  processes: NamedProcesses;
}

export interface WayResult {
  /** In a closed loop. */
  perSecond: Repeated;
  meanBodyBytes: number;
  /** For people: processor time of each process for a request. */
  cost: string;
}

export interface CompareOptions {
  connections: number;
  windowMs: number;
}

/** After a first one that warms everything up and does not count. */
const rounds = 3;
const warmupMs = 250;

interface WayRuns {
  perSecond: number[];
  requests: number;
  meanBodyBytes: number;
  use: ProcessesUse;
}

/** In the order of the ways. */
export async function compareWays(ways: readonly Way[], options: CompareOptions): Promise<WayResult[]> {
  await using load = startLoadProcess();
  const all = ways.map((): WayRuns => ({ perSecond: [], requests: 0, meanBodyBytes: 0, use: {} }));
  for (let round = 0; round <= rounds; round++) {
    for (const [index, { port, protocol, requests, processes }] of ways.entries()) {
      const runs = all[index]!;
      const used = await measureProcesses({ ...processes, generator: load.pid });
      const { connections, windowMs } = options;
      const isWarmup = round === 0;
      const target = { host: "127.0.0.1", port, protocol, requests };
      const run = await load.call("runHttp", {
        ...target,
        connections,
        warmupMs,
        windowMs: isWarmup ? windowMs / 2 : windowMs,
        seed: round,
      });
      if (isWarmup) continue;
      addUse(runs.use, await used());
      runs.perSecond.push(run.responsesPerSecond);
      runs.requests += run.requests;
      runs.meanBodyBytes = run.meanBodyBytes;
    }
  }
  return ways.map(({ name }, index) => {
    const { perSecond, meanBodyBytes, use, requests } = all[index]!;
    const result = { perSecond: repeated(perSecond), meanBodyBytes, cost: useText(use, requests) };
    tell(`${name}: ${Math.round(result.perSecond.median)} requests/s`);
    return result;
  });
}
