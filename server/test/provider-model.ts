/**
 * What a provider with such quotas does, told by the times at which requests arrive; shares nothing with the code that
 * counts permits.
 */
import type { Quota } from "#dispatch/providers/catalogue.ts";

interface QuotaModel {
  /** When a request would be granted that arrives now: now, or later. */
  opensAtMs(nowMs: number): number;
  count(nowMs: number): void;
  /** It was not granted. */
  attempt(nowMs: number): void;
}

export interface Verdict {
  readonly isGranted: boolean;
  readonly retryAfterMs: number;
}

/** Times may be of any clock, but must not go back. */
export function createProviderModel(quotas: readonly Quota[]) {
  const models = quotas.map((quota) => createModel[quota.kind](quota));
  return (nowMs: number): Verdict => {
    const opensAtMs = Math.max(nowMs, ...models.map((model) => model.opensAtMs(nowMs)));
    if (opensAtMs <= nowMs) for (const model of models) model.count(nowMs);
    else for (const model of models) if (model.opensAtMs(nowMs) > nowMs) model.attempt(nowMs);
    const retryAtMs = Math.max(nowMs, ...models.map((model) => model.opensAtMs(nowMs)));
    return { isGranted: opensAtMs <= nowMs, retryAfterMs: retryAtMs - nowMs };
  };
}

const createModel: Record<Quota["kind"], (quota: Quota) => QuotaModel> = {
  "fixed-window": (quota) => aligned(quota, 0),
  "block-after-limit": (quota) => aligned(quota, quota.blockMs),
  "first-request-window": (quota) => anchored(quota, 0),
  "block-at-limit": (quota) => anchored(quota, quota.blockMs),
  "count-then-block": countThenBlock,
  "sliding-log": slidingLog,
};

function aligned({ limit, windowMs, offsetMs }: Quota, blockMs: number): QuotaModel {
  let window = -1;
  let granted = 0;
  let blockedUntilMs = 0;
  const numberOf = (nowMs: number) => Math.floor((nowMs - offsetMs) / windowMs);
  return {
    opensAtMs(nowMs) {
      const isFull = numberOf(nowMs) === window && granted >= limit;
      return Math.max(blockedUntilMs, isFull ? (window + 1) * windowMs + offsetMs : nowMs);
    },
    count(nowMs) {
      if (numberOf(nowMs) !== window) granted = 0;
      window = numberOf(nowMs);
      granted += 1;
    },
    attempt(nowMs) {
      if (blockMs > 0) blockedUntilMs = Math.max(blockedUntilMs, nowMs + blockMs);
    },
  };
}

function anchored({ limit, windowMs }: Quota, blockMs: number): QuotaModel {
  let endsAtMs = 0;
  let granted = 0;
  let blockedUntilMs = 0;
  return {
    opensAtMs: (nowMs) => Math.max(blockedUntilMs, nowMs < endsAtMs && granted >= limit ? endsAtMs : nowMs),
    count(nowMs) {
      if (nowMs >= endsAtMs) {
        endsAtMs = nowMs + windowMs;
        granted = 0;
      }
      granted += 1;
      if (blockMs > 0 && granted >= limit) {
        blockedUntilMs = nowMs + blockMs;
        endsAtMs = 0;
      }
    },
    attempt() {},
  };
}

function countThenBlock({ limit, blockMs }: Quota): QuotaModel {
  let granted = 0;
  let blockedUntilMs = 0;
  return {
    opensAtMs: () => blockedUntilMs,
    count(nowMs) {
      granted += 1;
      if (granted < limit) return;
      granted = 0;
      blockedUntilMs = nowMs + blockMs;
    },
    attempt() {},
  };
}

function slidingLog({ limit, windowMs }: Quota): QuotaModel {
  let log: number[] = [];
  return {
    opensAtMs(nowMs) {
      log = log.filter((atMs) => atMs > nowMs - windowMs);
      return log.length < limit ? nowMs : log.at(-limit)! + windowMs;
    },
    count: (nowMs) => log.push(nowMs),
    attempt() {},
  };
}
