/** Why a provider was passed over, and what that comes to for the caller when no provider is left. */
import type { ConnectError } from "@connectrpc/connect";
import type { CapReached } from "#dispatch/budget/budget.ts";
import type { NoPermit } from "#dispatch/permits/permits.ts";
import type { Provider } from "#dispatch/providers/catalogue.ts";
import { type ErrorCode, errorKinds, fault } from "#platform/errors.ts";

export type ObstacleKind =
  | NoPermit["reason"]
  | "refused"
  | "down"
  | "busy"
  | "failed"
  | "not-allowed"
  | "cap";

export interface Obstacle {
  readonly kind: ObstacleKind;
  readonly isFree: boolean;
  /** For people: "free quota 20/20, opens 12:01:07". */
  readonly text: string;
  /** When it is worth another try; undefined: nobody knows. */
  readonly opensInMs: number | undefined;
}

const obstacle = (
  { priceMicros }: Provider,
  kind: ObstacleKind,
  text: string,
  opensInMs?: number,
): Obstacle => ({
  kind,
  isFree: priceMicros === 0,
  text,
  opensInMs,
});

/** What comes of a provider without a permit to give. nowMs is the time of day. */
export function noPermit(provider: Provider, { reason, opensInMs, used, limit }: NoPermit, nowMs: number) {
  const { id } = provider;
  const opens = opensInMs === undefined ? "" : `, opens ${timeText(nowMs + opensInMs, nowMs)}`;
  const text = {
    spent: `${id} quota ${used ?? "?"}/${limit ?? "?"}${opens}`,
    blocked: refusedText(id, opensInMs, nowMs),
    probing: `${id} has refused, and one request is trying it`,
    away: `${id} cannot be counted, the database is away`,
  }[reason];
  return obstacle(provider, reason, text, opensInMs);
}

export const refusedNow = (provider: Provider, retryAfterMs: number | undefined, nowMs: number) =>
  obstacle(provider, "refused", refusedText(provider.id, retryAfterMs, nowMs), retryAfterMs);

export const isDown = (provider: Provider, retryAfterMs?: number) =>
  obstacle(provider, "down", `${provider.id} is down`, retryAfterMs);

export const isBusy = (provider: Provider) => obstacle(provider, "busy", `${provider.id} is busy`);

/** The reason is a code, never a text of the provider's. */
export const hasFailed = (provider: Provider, reason: string) =>
  obstacle(provider, "failed", `${provider.id} failed (${reason})`);

export const isNotAllowed = (provider: Provider) => obstacle(provider, "not-allowed", `${provider.id} costs`);

const capNames = { day: "the daily cap", user: "your daily cap", away: "the cap without the database" };

export const isCapped = (provider: Provider, { cap, opensInMs }: CapReached) =>
  obstacle(provider, "cap", `${provider.id} would pass ${capNames[cap]}`, opensInMs);

function refusedText(id: string, opensInMs: number | undefined, nowMs: number): string {
  return opensInMs === undefined
    ? `${id} refused`
    : `${id} refused until ${timeText(nowMs + opensInMs, nowMs)}`;
}

/** In UTC; with the date unless it is today. */
function timeText(atMs: number, nowMs: number): string {
  const secondMs = 1_000;
  const [day, time] = isoParts(Math.round(atMs / secondMs) * secondMs);
  return day === isoParts(nowMs)[0] ? time : `${day} ${time}`;
}

/** What a Date can hold. */
const lastDateMs = 8_640_000_000_000_000;

function isoParts(atMs: number): [day: string, time: string] {
  const [day, time] = new Date(Math.min(atMs, lastDateMs)).toISOString().split("T") as [string, string];
  return [day, time.slice(0, 8)];
}

/** "free" for the first choice; else the provider, and why not those before it. */
export function reasonFor({ id, priceMicros }: Provider, obstacles: readonly Obstacle[]): string {
  if (obstacles.length === 0) return priceMicros === 0 ? "free" : "paid";
  return `${id}: ${textOf(obstacles)}`;
}

/** Milliseconds since 1970. A provider that is down opens when it is up again, and nobody knows when that is. */
export function freeOpensAtMs(obstacles: readonly Obstacle[], nowMs: number): number | undefined {
  const opensInMs = soonest(obstacles.filter(({ isFree, kind }) => isFree && kind !== "down"));
  return opensInMs === undefined ? undefined : nowMs + opensInMs;
}

/** When all providers were passed over. */
export function noneLeft(obstacles: readonly Obstacle[]): ConnectError {
  const code = codeOf(new Set(obstacles.map(({ kind }) => kind)));
  const why = textOf(obstacles);
  const detail = why ? `${errorKinds[code].title}: ${why}` : undefined;
  if (code === "provider-failed") return fault(code, { detail });
  // A paid provider stays out of reach; only what is free, or a cap, opens.
  const relevant = code === "payment-required" ? obstacles.filter(({ isFree }) => isFree) : obstacles;
  // One of which nobody knows when it opens may be the first: the cap's end, at midnight, must not stand for it.
  const isKnown = relevant.every(({ opensInMs }) => opensInMs !== undefined);
  return fault(code, { detail, retryAfterMs: isKnown ? soonest(relevant) : undefined });
}

function codeOf(kinds: ReadonlySet<ObstacleKind>): ErrorCode {
  if (kinds.has("not-allowed")) return "payment-required";
  if (kinds.has("cap")) return "spend-cap-reached";
  return kinds.has("failed") ? "provider-failed" : "no-provider";
}

const textOf = (obstacles: readonly Obstacle[]) => obstacles.map(({ text }) => text).join("; ");

function soonest(obstacles: readonly Obstacle[]): number | undefined {
  let opensInMs: number | undefined;
  for (const one of obstacles) {
    if (one.opensInMs !== undefined && !(one.opensInMs >= (opensInMs ?? Number.POSITIVE_INFINITY))) {
      opensInMs = Math.max(0, one.opensInMs);
    }
  }
  return opensInMs;
}
