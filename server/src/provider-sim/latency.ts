/** How long something takes: "20ms"; "10ms..50ms", all equally likely; or "p50=20ms,p99=200ms", log-normal. */
import { parseDuration } from "#platform/duration.ts";

/** Draws one, in milliseconds; random gives numbers from 0 to 1, 1 excluded. */
export type Latency = (random: () => number) => number;

/** The 99th percentile of the standard normal distribution. */
const z99 = 2.3263;
/** No draw is longer than this many times the p99. */
const maxTail = 10;

/** Throws an Error that says what is wrong. */
export function parseLatency(text: string): Latency {
  const [from, to] = text.split("..", 2).map(parseDuration);
  if (from !== undefined && !text.includes("..")) return () => from;
  if (from !== undefined && to !== undefined && to >= from) return (random) => from + random() * (to - from);
  const [, p50Text, p99Text] = /^p50=([^,]+),p99=(.+)$/.exec(text) ?? [];
  const [p50, p99] = [parseDuration(p50Text ?? ""), parseDuration(p99Text ?? "")];
  if (p50 && p99 && p99 >= p50) return logNormal(p50, p99);
  throw new Error(`"${text}" is no latency; write it as "20ms", "10ms..50ms" or "p50=20ms,p99=200ms"`);
}

function logNormal(p50: number, p99: number): Latency {
  const sigma = Math.log(p99 / p50) / z99;
  return (random) => Math.min(p50 * Math.exp(sigma * normal(random)), p99 * maxTail);
}

/** Box and Muller. */
const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
