/** The runs that the cases over HTTP are made of, against Parley or a floor. */
import type { HttpLoadOptions, HttpLoadResult } from "../load/http-load.ts";
import { openInspector } from "../process/inspector.ts";
import { startLoadProcess } from "../process/load-process.ts";
import { type ProcessorProfile, startProfile } from "../process/processor-profile.ts";
import { measureProcessorUse, type ProcessorUse } from "../process/processor-use.ts";
import { tell } from "../progress.ts";
import { type Repeated, repeat, repeated } from "../statistics.ts";

export interface HttpBenchOptions {
  /** Shown in the progress. */
  name: string;
  server: { pid: number; port: number; inspectorUrl: string | undefined };
  requests: HttpLoadOptions["requests"];
  connections: number;
  windowMs: number;
}

export interface HttpBench extends AsyncDisposable {
  /** As many as are answered, in a closed loop. */
  findLimit(): Promise<HttpLimit>;
  openLoop(requestsPerSecond: number): Promise<HttpLoadResult>;
  profileLimit(): Promise<ProcessorProfile>;
}

export interface HttpLimit {
  perSecond: Repeated;
  meanBodyBytes: number;
  /** For people: what a request costs. */
  cost: string[];
}

const warmupMs = 1_000;
const rounds = 3;
/** Above it the generator may be what is being measured. */
const maxGeneratorCores = 0.9;

export function openHttpBench(options: HttpBenchOptions): HttpBench {
  const { name, server, requests, connections, windowMs } = options;
  const load = startLoadProcess();
  let runs = 0;
  const run = async (rate?: number) => {
    const result = await load.call("runHttp", {
      host: "127.0.0.1",
      port: server.port,
      requests,
      connections,
      warmupMs,
      windowMs,
      seed: ++runs,
      ...(rate === undefined ? {} : { requestsPerSecond: rate }),
    });
    if (result.generatorCores > maxGeneratorCores) tell(`${name}: the generator was at its limit`);
    return result;
  };
  return {
    async findLimit() {
      const processor = await measureProcessorUse(server.pid);
      const results = await repeat(rounds, () => run());
      const used = await processor();
      const perSecond = repeated(results.map(({ responsesPerSecond }) => responsesPerSecond));
      tell(`${name}: ${Math.round(perSecond.median)} requests/s`);
      return { perSecond, meanBodyBytes: results[0]!.meanBodyBytes, cost: costOf(results, used) };
    },
    openLoop: run,
    async profileLimit() {
      using inspector = await openInspector(server.inspectorUrl);
      const stop = await startProfile(inspector);
      await run();
      return await stop();
    },
    [Symbol.asyncDispose]: () => load[Symbol.asyncDispose](),
  };
}

function costOf(results: HttpLoadResult[], used: ProcessorUse | undefined): string[] {
  if (!used) return [];
  const requests = results.reduce((sum, { requests }) => sum + requests, 0);
  const us = (milliseconds: number) => `${Math.round((milliseconds * 1_000) / requests)} µs`;
  return [`Processor time for each: server ${us(used.ownMs)}, PostgreSQL ${us(used.descendantsMs)}.`];
}
