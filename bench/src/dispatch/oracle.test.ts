/** The oracle against trying out every choice, on small traces. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mostServedFree, type OracleQuota } from "./oracle.ts";

/** A provider that is shown the requests that are sent to it, one by one; undefined: it refuses. */
type State = { opened?: number; count: number; blockedUntil: number; log: readonly number[] };
const fresh: State = { count: 0, blockedUntil: Number.NEGATIVE_INFINITY, log: [] };

function accept(state: State, at: number, quota: OracleQuota): State | undefined {
  const { limit, windowMs, blockMs } = quota;
  if (at < state.blockedUntil) return undefined;
  switch (quota.kind) {
    case "fixed-window":
    case "block-after-limit": {
      const opened = Math.floor(at / windowMs) * windowMs;
      const count = state.opened === opened ? state.count : 0;
      return count < limit ? { ...state, opened, count: count + 1 } : undefined;
    }
    case "first-request-window":
    case "block-at-limit": {
      const isOpen = state.opened !== undefined && at < state.opened + windowMs;
      const count = isOpen ? state.count + 1 : 1;
      if (count > limit) return undefined;
      const opened = isOpen ? state.opened! : at;
      if (quota.kind === "first-request-window" || count < limit) return { ...state, opened, count };
      return { ...fresh, blockedUntil: at + blockMs };
    }
    case "count-then-block": {
      const count = state.count + 1;
      return count < limit ? { ...state, count } : { ...fresh, blockedUntil: at + blockMs };
    }
    case "sliding-log": {
      const log = state.log.filter((earlier) => earlier > at - windowMs);
      return log.length < limit ? { ...state, log: [...log, at] } : undefined;
    }
  }
}

function best(times: readonly number[], quota: OracleQuota, state: State = fresh): number {
  const [at, ...rest] = times;
  if (at === undefined) return 0;
  const after = accept(state, at, quota);
  return Math.max(best(rest, quota, state), after ? 1 + best(rest, quota, after) : 0);
}

const kinds: OracleQuota["kind"][] = [
  "fixed-window",
  "first-request-window",
  "count-then-block",
  "sliding-log",
  "block-at-limit",
  "block-after-limit",
];

for (const kind of kinds) {
  test(`${kind}: as many as the best of all choices`, () => {
    const quota = fc.record({
      kind: fc.constant(kind),
      limit: fc.integer({ min: 2, max: 4 }),
      windowMs: fc.integer({ min: 2, max: 12 }),
      blockMs: fc.integer({ min: 1, max: 20 }),
    });
    const times = fc
      .array(fc.integer({ min: 0, max: 40 }), { maxLength: 11 })
      .map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(times, quota, (all, one) => {
        assert.equal(mostServedFree(all, one), best(all, one));
      }),
      { numRuns: 300 },
    );
  });
}
