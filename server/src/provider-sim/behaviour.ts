/** How a simulated provider behaves; can be changed while it runs. Times and quotas are written as on the command line. */
import { parseDuration } from "#platform/duration.ts";
import { type Fault, parseFault } from "#provider-sim/fault.ts";
import { type Latency, parseLatency } from "#provider-sim/latency.ts";
import { parseQuota } from "#provider-sim/quota/parse-quota.ts";
import type { QuotaOptions } from "#provider-sim/quota/quota-rule.ts";

export interface BehaviourInput {
  /** Requests count against all of them; given anew, the counts begin anew. */
  readonly quotas?: readonly string[];
  /** What an accepted request costs, with six decimals at the most. */
  readonly price?: number;
  /** From being counted until the answer. */
  readonly latency?: string;
  /** From the arrival of the bytes until the request is counted: a long way. */
  readonly travel?: string;
  /** How many requests out of one fail, from 0 to 1, each with one of `faults`. */
  readonly faultRate?: number;
  readonly faults?: readonly string[];
  /** What happens to the next requests, one after the other, "ok" included; before faultRate. */
  readonly script?: readonly string[];
  /** How much later the fault "late" answers. */
  readonly late?: string;
  /** Whether refusals say Retry-After. */
  readonly retryAfter?: boolean;
  /** Whether answers say RateLimit and RateLimit-Policy. */
  readonly rateLimitHeaders?: boolean;
}

export interface Behaviour {
  readonly quotas: readonly QuotaOptions[];
  readonly priceMicros: number;
  readonly latency: Latency;
  readonly travel: Latency;
  readonly faultRate: number;
  readonly faults: readonly Fault[];
  readonly script: readonly Fault[];
  readonly lateMs: number;
  readonly retryAfter: boolean;
  readonly rateLimitHeaders: boolean;
}

type Readers = { [K in keyof BehaviourInput]-?: (value: unknown) => Partial<Behaviour> };

const maxListed = 10_000;
const micros = 1_000_000;

const readers: Readers = {
  quotas: (value) => ({ quotas: strings(value, "quotas").map(parseQuota) }),
  price: (value) => ({ priceMicros: Math.round(number(value, "price", 1_000) * micros) }),
  latency: (value) => ({ latency: parseLatency(string(value, "latency")) }),
  travel: (value) => ({ travel: parseLatency(string(value, "travel")) }),
  faultRate: (value) => ({ faultRate: number(value, "faultRate", 1) }),
  faults: (value) => ({ faults: strings(value, "faults").map(parseFault) }),
  script: (value) => ({ script: strings(value, "script").map(parseFault) }),
  late: (value) => ({ lateMs: durationMs(string(value, "late")) }),
  retryAfter: (value) => ({ retryAfter: boolean(value, "retryAfter") }),
  rateLimitHeaders: (value) => ({ rateLimitHeaders: boolean(value, "rateLimitHeaders") }),
};

export const defaultBehaviour: Behaviour = {
  quotas: [],
  priceMicros: 0,
  latency: () => 0,
  travel: () => 0,
  faultRate: 0,
  faults: [parseFault("500")],
  script: [],
  lateMs: 10_000,
  retryAfter: true,
  rateLimitHeaders: false,
};

/** What is given takes the place of what is; throws an Error that says what is wrong. */
export function changeBehaviour(behaviour: Behaviour, input: unknown): Behaviour {
  if (typeof input !== "object" || input === null || Array.isArray(input))
    throw new Error("must be an object");
  let changed = behaviour;
  for (const [name, value] of Object.entries(input)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(readers, name)) {
      throw new Error(`"${name}" is unknown; there are ${Object.keys(readers).join(", ")}`);
    }
    changed = { ...changed, ...readers[name as keyof BehaviourInput](value) };
  }
  if (changed.faultRate > 0 && changed.faults.length === 0) throw new Error("faultRate needs faults");
  return changed;
}

function string(value: unknown, name: string): string {
  if (typeof value !== "string") throw new Error(`${name} must be a string`);
  return value;
}

function strings(value: unknown, name: string): string[] {
  if (!Array.isArray(value) || value.length > maxListed) {
    throw new Error(`${name} must be a list of ${maxListed} strings at the most`);
  }
  return value.map((item) => string(item, `each of ${name}`));
}

function number(value: unknown, name: string, max: number): number {
  if (typeof value !== "number" || !(value >= 0 && value <= max)) {
    throw new Error(`${name} must be a number from 0 to ${max}`);
  }
  return value;
}

function boolean(value: unknown, name: string): boolean {
  if (typeof value !== "boolean") throw new Error(`${name} must be true or false`);
  return value;
}

function durationMs(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new Error(`"${text}" is no length of time`);
  return value;
}
