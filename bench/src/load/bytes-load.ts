/** Puts and gets of one size: as many as are done, or on a fixed schedule. */
import { setTimeout as sleep } from "node:timers/promises";
import { type BytesTarget, openTarget, type TargetOptions } from "../blobs/targets.ts";
import { createLatencyRecorder, type LatencySummary } from "./latency.ts";
import { poissonSchedule } from "./schedule.ts";

export interface BytesLoadOptions {
  target: TargetOptions;
  operation: "put" | "get";
  size: number;
  /** Names are this with a number; gets take them in turn. */
  name: string;
  names: number;
  /** At once, when there is no schedule. */
  concurrency: number;
  /** So long, or so many. */
  windowMs?: number;
  count?: number;
  requestsPerSecond?: number;
}

export interface BytesLoadResult {
  done: number;
  seconds: number;
  megabytesPerSecond: number;
  /** From when it was due (without a schedule: begun) to its end. */
  latency: LatencySummary;
  generatorCores: number;
}

export async function runBytes(options: BytesLoadOptions): Promise<BytesLoadResult> {
  const target = await openTarget(options.target);
  const latency = createLatencyRecorder();
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  let done = 0;
  const one = async (nth: number, since: number) => {
    await carryOut(target, options, nth);
    done += 1;
    latency.record(performance.now() - since);
  };
  try {
    if (options.requestsPerSecond === undefined) await inLanes(options, startedAt, one);
    else await onSchedule(options, startedAt, one);
  } finally {
    target.close();
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    done,
    seconds,
    megabytesPerSecond: (done * options.size) / 1e6 / seconds,
    latency: latency.summary(),
    generatorCores: (user + system) / 1e6 / seconds,
  };
}

type One = (nth: number, since: number) => Promise<void>;

async function inLanes({ concurrency, windowMs, count }: BytesLoadOptions, startedAt: number, one: One) {
  let next = 0;
  const isOver = () =>
    count === undefined ? performance.now() - startedAt >= (windowMs ?? 0) : next >= count;
  const lane = async () => {
    while (!isOver()) await one(next++, performance.now());
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}

async function onSchedule(
  { requestsPerSecond = 1, windowMs = 0 }: BytesLoadOptions,
  startedAt: number,
  one: One,
) {
  const schedule = poissonSchedule({ ratePerSecond: requestsPerSecond, durationMs: windowMs, seed: 1 });
  const underWay: Promise<void>[] = [];
  for (const [nth, dueMs] of schedule.entries()) {
    const waitMs = startedAt + dueMs - performance.now();
    if (waitMs > 1) await sleep(waitMs);
    underWay.push(one(nth, startedAt + dueMs));
  }
  await Promise.all(underWay);
}

async function carryOut(
  target: BytesTarget,
  { operation, size, name, names }: BytesLoadOptions,
  nth: number,
) {
  const named = `${name}-${nth % names}`;
  if (operation === "put") return target.put(named, size);
  const length = await target.get(named);
  if (length !== size) throw new Error(`${named} has ${length} bytes instead of ${size}`);
}
