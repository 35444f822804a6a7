/** Traces of requests: when each is due and at which pod. Fixed before a run and the same for every number of pods. */
import { createRandom } from "../load/schedule.ts";

export interface Arrival {
  /** Milliseconds from the start. */
  readonly atMs: number;
  /** The pod that gets it: this number modulo the number of pods; skew is in how often each number occurs. */
  readonly pod: number;
}

export type TraceName = "steady" | "bursty" | "skewed" | "edges";

export interface TraceOptions {
  name: TraceName;
  pods: number;
  durationMs: number;
  /** Requests a second, over all pods, in the mean. */
  ratePerSecond: number;
  /** The provider's window; "edges" crowds around its ends. */
  windowMs: number;
  seed: number;
}

export const traceNames: readonly TraceName[] = ["steady", "bursty", "skewed", "edges"];

/** In the order of their times. */
export function createTrace(options: TraceOptions): Arrival[] {
  const random = createRandom(options.seed);
  const podOf = options.name === "skewed" ? skewed(options.pods, random) : even(options.pods, random);
  return timesOf(options, random).map((atMs) => ({ atMs, pod: podOf() }));
}

function even(pods: number, random: () => number): () => number {
  return () => Math.floor(random() * pods);
}

/** Each pod gets half as much as the one before: of eight, the first gets half of all requests. */
function skewed(pods: number, random: () => number): () => number {
  return () => {
    for (let pod = 0; pod < pods - 1; pod++) if (random() < 0.5) return pod;
    return pods - 1;
  };
}

function timesOf(options: TraceOptions, random: () => number): number[] {
  switch (options.name) {
    case "bursty":
      return modulated(options, random, burst(options.windowMs));
    case "edges":
      return modulated(options, random, aroundEdges(options.windowMs));
    default:
      return modulated(options, random, () => 1);
  }
}

/** A Poisson process whose rate changes over time by a factor of 1 in the mean. */
function modulated(
  { durationMs, ratePerSecond }: TraceOptions,
  random: () => number,
  factor: (atMs: number) => number,
): number[] {
  const meanGapMs = 1_000 / (ratePerSecond * maxFactor);
  const times: number[] = [];
  for (let at = 0; ; ) {
    at += -Math.log(1 - random()) * meanGapMs;
    if (at >= durationMs) return times;
    // Thinning: kept as often as the rate of this moment asks for.
    if (random() * maxFactor < factor(at)) times.push(at);
  }
}

const maxFactor = 4;

/** A quarter of the time four times as much, then nothing; not in step with the windows. */
function burst(windowMs: number) {
  const periodMs = windowMs * 0.7;
  return (atMs: number) => (atMs % periodMs < periodMs / 4 ? maxFactor : 0);
}

/** All of it in the eighth before and the eighth after the end of a window. */
function aroundEdges(windowMs: number) {
  return (atMs: number) => {
    const place = (atMs % windowMs) / windowMs;
    return place < 1 / 8 || place >= 7 / 8 ? maxFactor : 0;
  };
}
