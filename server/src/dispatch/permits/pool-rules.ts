/** What the kinds of a provider's quotas mean for a pool of its permits. */
import type { Provider, Quota } from "#dispatch/providers/catalogue.ts";

export interface PoolRules {
  /** Permits are got ahead for so long. */
  readonly horizonMs: number;
  /** Held ones go back when none was wanted for so long. */
  readonly idleMs: number;
  /** Which responses the ledger is to be told of: they say that requests have arrived. */
  readonly told: "none" | "first" | "all";
}

export function poolRulesOf({ quotas }: Provider): PoolRules {
  return {
    horizonMs: Math.min(50, ...quotas.map(horizonOf)),
    idleMs: Math.min(250, ...quotas.map((quota) => Math.max(25, lengthOf(quota) / 10))),
    told: quotas.some(needsAllResponses) ? "all" : quotas.some(isAnchored) ? "first" : "none",
  };
}

const lengthOf = ({ windowMs, blockMs }: Quota) => Math.max(windowMs, blockMs);

const isAnchored = ({ kind }: Quota) => kind === "first-request-window" || kind === "block-at-limit";

/** The others' permits live for a hundredth of their window only. */
function horizonOf(quota: Quota): number {
  if (quota.kind === "fixed-window" || quota.kind === "block-after-limit") return 50;
  return Math.max(50, lengthOf(quota) / 100) / 2;
}

function needsAllResponses({ kind, limit }: Quota): boolean {
  return kind === "count-then-block" || kind === "sliding-log" || (kind === "block-at-limit" && limit === 1);
}
