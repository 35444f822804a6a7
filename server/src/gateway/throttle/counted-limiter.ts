/** A limit in force: counts what it lets through and refuses, and says so in answers, metrics and, seldom, the log. */
import type { Limiter } from "#gateway/throttle/limiter.ts";
import { fault } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import { createLogInterval } from "#platform/log-interval.ts";

export type Scope = "user" | "address" | "account";

export interface CountedLimiter {
  readonly limiter: Limiter;
  readonly scope: Scope;
  readonly allowed: number;
  readonly refused: number;
  /** Undefined: passed at once. Throws or rejects with "too-many-requests". */
  admit(key: string): Promise<void> | undefined;
  /** The RateLimit header's value for this key. */
  headerFor(key: string): string;
  readonly policyHeader: string;
}

const logEveryMs = 60_000;

export function createCountedLimiter(
  limiter: Limiter,
  scope: Scope,
  { log, nowMs }: { log: Log; nowMs: () => number },
): CountedLimiter {
  const { name, limit } = limiter;
  let allowed = 0;
  let refused = 0;
  let refusedBeforeLog = 0;
  const isTimeToLog = createLogInterval(logEveryMs, nowMs);

  function settle(retryAfterMs: number): void {
    if (retryAfterMs === 0) {
      allowed += 1;
      return;
    }
    refused += 1;
    if (isTimeToLog()) {
      log.info(
        { class: name, scope, refused: refused - refusedBeforeLog },
        "calls over a rate limit are refused",
      );
      refusedBeforeLog = refused;
    }
    const seconds = Math.ceil(retryAfterMs / 1_000);
    throw fault("too-many-requests", {
      detail: `Too many requests; try again in ${seconds} s`,
      retryAfterMs,
    });
  }

  return {
    limiter,
    scope,
    get allowed() {
      return allowed;
    },
    get refused() {
      return refused;
    },
    admit(key) {
      const verdict = limiter.take(key);
      // Nothing is allocated for a call that passes at once: sends come by the thousands.
      if (typeof verdict !== "number") return verdict.then(settle);
      settle(verdict);
      return undefined;
    },
    headerFor(key) {
      const { count, fillMs } = limiter.left(key);
      return `"${name}";r=${count};t=${Math.ceil(fillMs / 1_000)}`;
    },
    policyHeader: `"${name}";q=${limit.burst};w=${Math.max(1, Math.ceil((limit.burst * limit.intervalMs) / 1_000))}`,
  };
}
