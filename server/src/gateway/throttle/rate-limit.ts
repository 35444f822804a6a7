/** A rate limit as operators write it: "100/s burst 500", "10/min", "5/10s", or "off". */
import type { Setting } from "#platform/settings.ts";

export class RateLimit {
  /** How many may come at once after a pause. */
  readonly burst: number;
  /** One more may come each time that this has passed. */
  readonly intervalMs: number;
  readonly #text: string;

  constructor(count: number, periodMs: number, burst: number, text: string) {
    this.burst = burst;
    this.intervalMs = periodMs / count;
    this.#text = text;
  }

  /** As it was written. */
  toString(): string {
    return this.#text;
  }
}

const form = /^([1-9]\d{0,8})\/([1-9]\d{0,4})?(s|min|h)(?: burst ([1-9]\d{0,8}))?$/;
const unitMs = { s: 1_000, min: 60_000, h: 3_600_000 };
const maxPerSecond = 100_000;
const maxBurst = 1_000_000;
/** A bucket must fill up in foreseeable time: Redis and the headers count it in seconds. */
const maxFillMs = 7 * 24 * unitMs.h;

/** Throws an Error whose message completes "PARLEY_LIMIT_X …". */
export function parseRateLimit(text: string): RateLimit | "off" {
  if (text === "off") return "off";
  const [, count, periods = "1", unit, burst = count] = form.exec(text) ?? [];
  if (!count || !burst) {
    throw new Error('must be off, or like "100/s burst 500", "10/min" or "5/10s" (units: s, min, h)');
  }
  const periodMs = Number(periods) * unitMs[unit as keyof typeof unitMs];
  const limit = new RateLimit(Number(count), periodMs, Number(burst), text);
  if (limit.intervalMs < 1_000 / maxPerSecond) throw new Error(`must be at most ${maxPerSecond}/s`);
  if (limit.burst > maxBurst) throw new Error(`must have a burst of at most ${maxBurst}`);
  if (limit.burst * limit.intervalMs > maxFillMs) throw new Error("must allow its burst again within a week");
  return limit;
}

export function rateLimit(about: string, fallback: string): Setting<RateLimit | "off"> {
  return {
    about,
    secret: false,
    default: parseRateLimit(fallback),
    defaultText: fallback,
    parse: parseRateLimit,
  };
}
