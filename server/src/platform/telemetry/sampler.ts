/**
 * Which traces are recorded: OTEL_TRACES_SAMPLER. The decision comes before anything is made for the trace, so that
 * one that is not recorded costs nothing.
 */
import { type SpanContext, TraceFlags } from "@opentelemetry/api";

export const samplerNames = [
  "parentbased_traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "traceidratio",
  "always_on",
  "always_off",
] as const;

export interface SamplerOptions {
  name: (typeof samplerNames)[number];
  ratio: number;
  /** Callers can ask for their traces to be recorded; no more than so many of those are. */
  maxAskedPerSecond: number;
  random?: () => number;
  nowMs?: () => number;
}

export interface Sampler {
  /** Undefined: the trace begins here. */
  decide(parent: SpanContext | undefined): boolean;
}

export const neverSampled: Sampler = { decide: () => false };

export function createSampler(options: SamplerOptions): Sampler {
  const { name, maxAskedPerSecond, random = Math.random, nowMs = () => performance.now() } = options;
  const isParentBased = name.startsWith("parentbased_");
  const ratio = name.endsWith("always_on") ? 1 : name.endsWith("always_off") ? 0 : options.ratio;
  const mayAsk = createRateLimit(maxAskedPerSecond, nowMs);
  return {
    decide(parent) {
      if (!parent) return random() < ratio;
      if (!isParentBased) return fractionOf(parent.traceId) < ratio;
      return (parent.traceFlags & TraceFlags.SAMPLED) !== 0 && mayAsk();
    },
  };
}

/** The end of a trace id is random (https://www.w3.org/TR/trace-context-2/#random-trace-id-flag); 52 bits make a number. */
const fractionOf = (traceId: string) => Number.parseInt(traceId.slice(-13), 16) / 2 ** 52;

function createRateLimit(perSecond: number, nowMs: () => number): () => boolean {
  let second = Number.NaN;
  let taken = 0;
  return () => {
    const current = Math.floor(nowMs() / 1_000);
    if (current !== second) {
      second = current;
      taken = 0;
    }
    taken += 1;
    return taken <= perSecond;
  };
}
