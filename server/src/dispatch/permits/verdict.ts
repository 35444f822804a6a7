/** Why there is no permit, as this process knows it, and until when it need not ask again. */
import type { NoPermit } from "#dispatch/permits/permits.ts";
import type { ExchangeReply } from "#dispatch/permits/store-permits.ts";

/** Times are by this process's monotonic clock. */
export interface Verdict extends Omit<NoPermit, "opensInMs"> {
  readonly opensAtMs: number | undefined;
  readonly untilMs: number;
}

export const away: NoPermit = { reason: "away", opensInMs: undefined };

/** Undefined: there was no want of permits. */
export function toVerdict(reply: ExchangeReply, sentAtMs: number): Verdict | undefined {
  const { reason, opensInMs, holdMs, used, limit } = reply;
  if (!reason) return undefined;
  return {
    reason,
    opensAtMs: opensInMs === null ? undefined : sentAtMs + opensInMs,
    untilMs: sentAtMs + (holdMs ?? 0),
    ...(used === null ? {} : { used }),
    ...(limit === null ? {} : { limit }),
  };
}

/** How long a refusal holds here until the ledger has answered it. */
const refusalHoldMs = 250;

/** What a refusal says, or what was known if that holds longer. */
export function afterRefusal(
  known: Verdict | undefined,
  retryAfterMs: number | undefined,
  nowMs: number,
): Verdict {
  const untilMs = nowMs + (retryAfterMs ?? refusalHoldMs);
  if (known && known.untilMs >= untilMs) return known;
  return { reason: "blocked", opensAtMs: retryAfterMs === undefined ? undefined : untilMs, untilMs };
}

export function toNoPermit({ untilMs: _, opensAtMs, ...rest }: Verdict, nowMs: number): NoPermit {
  return { ...rest, opensInMs: opensAtMs === undefined ? undefined : Math.max(0, opensAtMs - nowMs) };
}
