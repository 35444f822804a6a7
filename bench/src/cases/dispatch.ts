/** Free and paid providers: what is served free of what could be, over one to eight pods, and what routing costs. */
import { setTimeout as sleep } from "node:timers/promises";
import { atMost, type BenchCase, type CaseOptions, type CaseResult, type Measure } from "../case.ts";
import { type Evaluation, evaluate } from "../dispatch/evaluate.ts";
import type { OracleQuota } from "../dispatch/oracle.ts";
import { createTrace, type TraceName, traceNames } from "../dispatch/trace.ts";
import { type DispatchProcesses, freeId, startDispatch } from "../process/dispatch-processes.ts";
import { type LoadProcess, startLoadProcess } from "../process/load-process.ts";
import { tell } from "../progress.ts";
import { repeated } from "../statistics.ts";
import { measureRouting } from "./dispatch-routing.ts";
import { serviceCredential } from "./service-credential.ts";

const podCounts = [1, 2, 4, 8];
const maxPods = Math.max(...podCounts);
/** As in the table of the design: so many a window, and in the mean as many requests. */
const limit = 100;
const windowMs = 1_000;
const windowsPerTrace = 20;
const guard = "5ms";
const requestTimeoutMs = 5_000;
/** Time for pods to finish what a trace before left behind, and for the simulated windows to end. */
const restMs = 500;
const targets = { regretPercent: 0.5, switchBackMs: 5 };

export const dispatchCase: BenchCase = {
  name: "dispatch",
  about: "free and paid providers: regret against an oracle over 1 to 8 pods, and the cost of routing",
  run,
};

async function run(options: CaseOptions): Promise<CaseResult> {
  const aligned = await measureAligned();
  const others = await measureOtherSemantics();
  const routing = await measureRouting(options);
  return {
    measures: [...alignedMeasures(aligned), ...otherMeasures(others), ...routing.measures],
    notes: [
      `Pods are processes with the role dispatch, called at their service ports; two simulated providers, each a process, keep the books. Free: fixed-window, ${limit} per ${windowMs / 1_000} s, guard ${guard}; as many requests in the mean as the quota (load 1.0), ${windowsPerTrace} windows a trace.`,
      "The oracle knows the whole trace and sends each request at once or not at all; regret is the part of what it serves free that Parley did not. Skewed: each pod gets half as much as the one before. Edges: all requests within an eighth of a window of its ends.",
      ...aligned.map(noteOf),
      ...others.map(noteOf),
      ...routing.notes,
    ],
  };
}

interface Result {
  name: string;
  pods: number;
  evaluation: Evaluation;
}

async function measureAligned(): Promise<Result[]> {
  const quota = { kind: "fixed-window", limit, windowMs, blockMs: 0 } as const;
  await using load = startLoadProcess();
  await using dispatch = await startDispatch({
    pods: maxPods,
    quotas: [{ kind: quota.kind, limit, window: `${windowMs}ms` }],
    settings: { guard },
  });
  const results: Result[] = [];
  for (const pods of podCounts) {
    for (const name of traceNames) {
      const trace = { name, windows: windowsPerTrace, perWindow: limit };
      const evaluation = await replayTrace(load, dispatch, { trace, pods, quota });
      results.push({ name, pods, evaluation });
      tell(`dispatch: ${name} over ${pods} pods: regret ${percent(evaluation.regret)}`);
    }
  }
  return results;
}

interface Replay {
  trace: { name: TraceName; windows: number; perWindow: number };
  pods: number;
  quota: OracleQuota;
}

async function replayTrace(
  load: LoadProcess,
  { pods, free, paid, serviceToken }: DispatchProcesses,
  { trace, pods: podCount, quota }: Replay,
): Promise<Evaluation> {
  await sleep(restMs);
  await Promise.all([free.reset(), paid.reset()]);
  const periodMs = quota.windowMs || quota.blockMs;
  const arrivals = createTrace({
    name: trace.name,
    pods: podCount,
    durationMs: trace.windows * periodMs,
    ratePerSecond: (trace.perWindow * 1_000) / periodMs,
    windowMs: periodMs,
    seed: 1,
  });
  const replayed = await load.call("replay", {
    podUrls: pods.slice(0, podCount).map(({ serviceUrl }) => serviceUrl),
    authorization: serviceCredential(serviceToken, "dispatch", "018f0000-0000-7000-8000-000000000001"),
    arrivals,
    // Windows begin at multiples of their length.
    startAtMs: (Math.floor(Date.now() / periodMs) + 2) * periodMs,
    timeoutMs: requestTimeoutMs,
  });
  await sleep(restMs);
  const [freeLedger, paidLedger] = await Promise.all([free.ledger(), paid.ledger()]);
  return evaluate({ replayed, free: freeLedger, paid: paidLedger, freeId, quota });
}

/** The semantics whose best is not to send whenever one can are shown as well: there, regret is also the price of not knowing what comes. */
const otherQuotas: { quota: OracleQuota; file: object }[] = (() => {
  const [limit, windowMs, blockMs] = [200, 4_000, 4_000];
  const window = `${windowMs}ms`;
  const block = `${blockMs}ms`;
  return [
    { kind: "first-request-window", file: { window } },
    { kind: "count-then-block", file: { block } },
    { kind: "sliding-log", file: { window } },
    { kind: "block-at-limit", file: { window, block } },
    { kind: "block-after-limit", file: { window, block } },
  ].map(({ kind, file }) => ({
    quota: {
      kind: kind as OracleQuota["kind"],
      limit,
      windowMs: kind === "count-then-block" ? 0 : windowMs,
      blockMs: "block" in file ? blockMs : 0,
    },
    file: { kind, limit, ...file },
  }));
})();
const otherPods = 4;
const otherWindows = 6;

async function measureOtherSemantics(): Promise<Result[]> {
  const results: Result[] = [];
  for (const { quota, file } of otherQuotas) {
    await using load = startLoadProcess();
    await using dispatch = await startDispatch({ pods: otherPods, quotas: [file], settings: { guard } });
    const trace = { name: "steady" as const, windows: otherWindows, perWindow: quota.limit * 2 };
    const evaluation = await replayTrace(load, dispatch, { trace, pods: otherPods, quota });
    results.push({ name: quota.kind, pods: otherPods, evaluation });
    tell(`dispatch: ${quota.kind}: regret ${percent(evaluation.regret)}`);
  }
  return results;
}

function alignedMeasures(results: readonly Result[]): Measure[] {
  const regret = results.map(({ name, pods, evaluation }): Measure => {
    const value = evaluation.regret * 100;
    return {
      name: `regret, ${name}, ${pods} ${pods === 1 ? "pod" : "pods"}`,
      unit: "%",
      value: repeated([value]),
      ...(pods === maxPods && name === "skewed" ? { target: atMost(targets.regretPercent, value, "%") } : {}),
    };
  });
  const switchBacks = results.flatMap(({ evaluation }) => evaluation.switchBackMs);
  return [
    ...regret,
    ...countMeasures(results.map(({ evaluation }) => evaluation)),
    {
      name: "from a window's first request to the first served free",
      unit: "ms",
      value: repeated(switchBacks.length > 0 ? switchBacks : [0]),
      target: atMost(targets.switchBackMs, repeated(switchBacks.length > 0 ? switchBacks : [0]).median, "ms"),
    },
  ];
}

function countMeasures(evaluations: readonly Evaluation[]): Measure[] {
  const refusals = evaluations.map(({ refusalsPerWindow }) => refusalsPerWindow);
  const duplicates = evaluations.map((evaluation) => evaluation.duplicates);
  const failed = evaluations.map((evaluation) => evaluation.failed);
  const none = (values: number[]) => atMost(0, Math.max(...values), "");
  return [
    {
      name: "refusals by the free provider",
      unit: "a window",
      value: repeated(refusals),
      target: none(refusals),
    },
    {
      name: "processed more than once",
      unit: "requests",
      value: repeated(duplicates),
      target: none(duplicates),
    },
    { name: "answered with an error", unit: "requests", value: repeated(failed), target: none(failed) },
  ];
}

function otherMeasures(results: readonly Result[]): Measure[] {
  return results.flatMap(({ name, pods, evaluation }) => [
    { name: `regret, ${name}, ${pods} pods, load 2`, unit: "%", value: repeated([evaluation.regret * 100]) },
    {
      name: `  refusals, ${name}`,
      unit: "a window",
      value: repeated([evaluation.refusalsPerWindow]),
      target: atMost(0, evaluation.refusalsPerWindow, ""),
    },
  ]);
}

function noteOf({ name, pods, evaluation }: Result): string {
  const { requests, shareFree, shareOracle, regret, refusalsPerWindow, duplicates } = evaluation;
  return `${name}, ${pods} pods: of ${requests} requests ${percent(shareFree)} served free, by the oracle ${percent(shareOracle)}; regret ${percent(regret)}, refusals a window ${refusalsPerWindow.toFixed(2)}, duplicates ${duplicates}.`;
}

const percent = (share: number) => `${(share * 100).toFixed(2)} %`;
