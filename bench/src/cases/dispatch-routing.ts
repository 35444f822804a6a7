/** What a pod of dispatch adds to a provider that answers at once, and how many requests go through it. */

import { ProcessService } from "@parley/api/v2/process";
import { atLeast, atMost, type CaseOptions, type CaseResult } from "../case.ts";
import type { HttpLoadOptions, LoadRequestOptions } from "../load/http-load.ts";
import { startDispatch } from "../process/dispatch-processes.ts";
import { startLoadProcess } from "../process/load-process.ts";
import { measureProcesses, useText } from "../process/processes-use.ts";
import { tell } from "../progress.ts";
import { repeat, repeated } from "../statistics.ts";
import { grpcRequest } from "./read-requests.ts";
import { serviceCredential } from "./service-credential.ts";

const rounds = 3;
const inFlight = 256;
const latencyRate = 500;
const warmupMs = 500;
const text = "A text of the length that people write, to be processed.";
const targets = { addedP50Ms: 2, addedP99Ms: 10, perSecond: 5_000 };

export async function measureRouting({ windowMs }: CaseOptions): Promise<CaseResult> {
  await using load = startLoadProcess();
  // Counted, but never spent.
  const quota = { kind: "fixed-window", limit: 1_000_000, window: "1h" };
  await using dispatch = await startDispatch({ pods: 1, quotas: [quota], settings: { concurrency: 512 } });
  const [pod, free] = [dispatch.pods[0]!, dispatch.free];
  const credential = serviceCredential(
    dispatch.serviceToken,
    "dispatch",
    "018f0000-0000-7000-8000-000000000001",
  );
  const ways = {
    through: {
      port: portOf(pod.serviceUrl),
      protocol: "grpc" as const,
      requests: [grpcRequest(ProcessService.method.process, { text }, credential)],
    },
    straight: { port: portOf(free.url), protocol: "http" as const, requests: [straightRequest()] },
  };
  /** Of a thousand requests the slowest ten would be chance. */
  const latencyWindowMs = windowMs * 4;
  const measure = (way: keyof typeof ways, more: Partial<HttpLoadOptions>) =>
    load.call("runHttp", {
      host: "127.0.0.1",
      ...ways[way],
      connections: inFlight,
      warmupMs,
      windowMs,
      seed: 1,
      ...more,
    });
  await measure("through", {});
  tell("dispatch: routing, as fast as it goes");
  const used = await measureProcesses({ dispatch: pod.pid, provider: free.pid });
  const closed = await repeat(rounds, () => measure("through", {}));
  const cost = useText(
    await used(),
    closed.reduce((sum, { requests }) => sum + requests, 0),
  );
  const strayed = (await dispatch.paid.ledger()).accepted;
  if (strayed > 0)
    throw new Error(`${strayed} requests went to the paid provider, which is not what is measured`);
  const direct = await repeat(rounds, () => measure("straight", {}));
  tell(`dispatch: routing, latency at ${latencyRate} requests/s`);
  const paced = { requestsPerSecond: latencyRate, windowMs: latencyWindowMs };
  const open = await repeat(rounds, async () => ({
    through: (await measure("through", paced)).latency,
    straight: (await measure("straight", paced)).latency,
  }));
  const added = (percentile: "p50Ms" | "p99Ms") =>
    repeated(open.map(({ through, straight }) => through[percentile] - straight[percentile]));
  const perSecond = repeated(closed.map(({ responsesPerSecond }) => responsesPerSecond));
  return {
    measures: [
      {
        name: `requests through one pod, ${inFlight} under way`,
        unit: "req/s",
        value: perSecond,
        floor: {
          name: "straight to the provider",
          value: repeated(direct.map(({ responsesPerSecond }) => responsesPerSecond)),
        },
        target: atLeast(targets.perSecond, perSecond.median),
      },
      {
        name: `  latency added at ${latencyRate} requests/s, p50`,
        unit: "ms",
        value: added("p50Ms"),
        target: atMost(targets.addedP50Ms, added("p50Ms").median, "ms"),
      },
      {
        name: "  latency added, p99",
        unit: "ms",
        value: added("p99Ms"),
        target: atMost(targets.addedP99Ms, added("p99Ms").median, "ms"),
      },
    ],
    notes: [
      `Routing: gRPC to the service port of one pod, a provider that answers at once, a quota that is counted but never spent; latency by open loop, less that of the same schedule straight to the provider by HTTP.`,
      `Processor time for each request: ${cost}.`,
    ],
  };
}

function straightRequest(): LoadRequestOptions {
  return { path: "/", headers: {}, body: JSON.stringify({ text }) };
}

const portOf = (url: string) => Number(new URL(url).port);
