/** Quotas as the command line gives them: "fixed-window:20/60s", "block-at-limit:100/60s,block=5min", "count-then-block:50,block=30s". */
import { durationExamples, parseDuration } from "#platform/duration.ts";
import { AlignedWindow } from "#provider-sim/quota/aligned-window.ts";
import { AnchoredWindow } from "#provider-sim/quota/anchored-window.ts";
import { CountThenBlock } from "#provider-sim/quota/count-then-block.ts";
import type { QuotaOptions, QuotaRule } from "#provider-sim/quota/quota-rule.ts";
import { SlidingLog } from "#provider-sim/quota/sliding-log.ts";

interface Kind {
  readonly needs: readonly string[];
  readonly may: readonly string[];
  create(options: QuotaOptions): QuotaRule;
}

const aligned = (options: QuotaOptions) => new AlignedWindow(options);
const anchored = (options: QuotaOptions) => new AnchoredWindow(options);

const kinds: Record<string, Kind> = {
  "fixed-window": { needs: ["window"], may: ["offset"], create: aligned },
  "first-request-window": { needs: ["window"], may: [], create: anchored },
  "count-then-block": { needs: ["block"], may: [], create: (options) => new CountThenBlock(options) },
  "sliding-log": { needs: ["window"], may: [], create: (options) => new SlidingLog(options) },
  "block-at-limit": { needs: ["window", "block"], may: [], create: anchored },
  "block-after-limit": { needs: ["window", "block"], may: ["offset"], create: aligned },
};

export const quotaKinds = Object.keys(kinds);

const maxLimit = 1_000_000;
const form = /^([a-z-]+):(\d{1,7})(?:\/([^,]+))?((?:,[a-z]+=[^,]+)*)$/;

export const createQuotaRule = (options: QuotaOptions): QuotaRule => kinds[options.kind]!.create(options);

/** Throws an Error that says what is wrong. */
export function parseQuota(text: string): QuotaOptions {
  const [, name = "", limit, window, rest = ""] = form.exec(text) ?? [];
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (!kind) {
    const example = "fixed-window:20/60s or count-then-block:50,block=30s";
    throw new Error(`"${text}" is no quota; write it as ${example}; kinds: ${quotaKinds.join(", ")}`);
  }
  if (!(Number(limit) >= 1 && Number(limit) <= maxLimit)) {
    throw new Error(`the limit of "${text}" must be from 1 to ${maxLimit}`);
  }
  const pairs = rest
    .split(",")
    .slice(1)
    .map((pair) => pair.split("=", 2) as [string, string]);
  const given = new Map([...(window === undefined ? [] : [["window", window] as const]), ...pairs]);
  const missing = kind.needs.find((part) => !given.has(part));
  if (missing) {
    const example = missing === "window" ? "/60s" : ",block=30s";
    throw new Error(`"${text}" needs a ${missing}, such as "${example}"`);
  }
  const unfit = [...given.keys()].find((part) => !kind.needs.includes(part) && !kind.may.includes(part));
  if (unfit) throw new Error(`${name} has no ${unfit}: "${text}"`);
  const durationMs = (part: string) => durationOf(text, part, given.get(part));
  return {
    kind: name,
    limit: Number(limit),
    windowMs: durationMs("window"),
    blockMs: durationMs("block"),
    offsetMs: durationMs("offset"),
  };
}

function durationOf(quota: string, part: string, text: string | undefined): number {
  if (text === undefined) return 0;
  const durationMs = parseDuration(text);
  if (durationMs === undefined || (durationMs === 0 && part !== "offset")) {
    throw new Error(`the ${part} of "${quota}" must be a length of time, such as ${durationExamples}`);
  }
  return durationMs;
}
