/**
 * Keeps answers and says whether one is still right, by its stamps (platform/stamps). An answer belongs to one user.
 * A read after an acknowledged write sees it: see docs/decisions/0022-response-cache.md.
 */
import type { CacheMetrics, Outcome } from "#gateway/cache/cache-metrics.ts";
import type { AnswerTags } from "#gateway/cache/cacheable.ts";
import { allTags, type Entry, etagOf, isStillAllowed, isUnchanged } from "#gateway/cache/entry.ts";
import { createFlights } from "#gateway/cache/flights.ts";
import type { MemoryTier } from "#gateway/cache/memory-tier.ts";
import type { SharedTier } from "#gateway/cache/shared-tier.ts";
import type { Clock } from "#platform/clock.ts";
import { toPublicError } from "#platform/errors.ts";
import type { Stamps } from "#platform/stamps/stamps.ts";

export interface ResponseCacheOptions {
  stamps: Stamps;
  memory: MemoryTier;
  shared: SharedTier;
  clock: Clock;
  metrics: CacheMetrics;
  ttlMs: number;
  staleMs: number;
}

export interface CacheQuery {
  /** Names the user and the request. */
  readonly key: string;
  /** Called when nothing is kept for the key in memory; may throw. Undefined: the answer is not to be kept. */
  tags(): AnswerTags | undefined;
  /** Asks the service. May serve many callers, and goes on when the first of them has gone. */
  load(): Promise<string>;
}

export interface CachedAnswer {
  readonly body: Buffer;
  readonly etag: string;
  /** What Cache-Status says (RFC 9211). */
  readonly status: string;
}

export interface ResponseCache {
  /** Rejects with what load rejects with, unless an older answer may be given. */
  answer(query: CacheQuery): Promise<CachedAnswer>;
}

/** Larger answers are not kept: they are rare, and would drive many others out. */
const maxBodyBytes = 1_048_576;

export function createResponseCache(options: ResponseCacheOptions): ResponseCache {
  const { stamps: stampsOf, memory, shared, clock, metrics, ttlMs, staleMs } = options;
  const flights = createFlights();
  const ageOf = (entry: Entry) => clock.now() - entry.storedAtMs;
  const isRight = (entry: Entry | undefined, stamps: readonly string[]): entry is Entry =>
    entry !== undefined && ageOf(entry) >= 0 && ageOf(entry) < ttlMs && isUnchanged(entry, stamps);

  function tell(
    { body, etag }: Pick<Entry, "body" | "etag">,
    outcome: Outcome,
    status: string,
  ): CachedAnswer {
    metrics.answered(outcome);
    return { body, etag, status: `parley; ${status}` };
  }
  const hit = (entry: Entry) => tell(entry, "hit", `hit; ttl=${Math.ceil((ttlMs - ageOf(entry)) / 1_000)}`);

  function keep(key: string, entry: Entry) {
    if (entry.body.length > maxBodyBytes) return;
    memory.set(key, entry);
    shared.set(key, entry);
  }

  async function load(query: CacheQuery, tags: AnswerTags, stamps: readonly string[]): Promise<Entry> {
    const body = Buffer.from(await query.load());
    const entry = { body, etag: etagOf(body), tags, stamps, storedAtMs: clock.now() };
    keep(query.key, entry);
    return entry;
  }

  /** An older answer when the service is away, unless it may be another's business by now (RFC 5861). */
  function insteadOf(error: unknown, entry: Entry | undefined, stamps: readonly string[] | undefined) {
    const isAway = toPublicError(error).status === 503 || toPublicError(error).status === 504;
    if (!isAway || !entry || !isStillAllowed(entry, stamps)) throw error;
    const ageMs = ageOf(entry);
    if (ageMs < 0 || ageMs >= staleMs) throw error;
    const ttl = Math.min(0, Math.floor((ttlMs - ageMs) / 1_000));
    return tell(entry, "stale", `hit; ttl=${ttl}; detail=stale-if-error`);
  }

  async function bypass(query: CacheQuery, known: Entry | undefined): Promise<CachedAnswer> {
    try {
      const body = Buffer.from(await query.load());
      return tell({ body, etag: etagOf(body) }, "bypass", "fwd=bypass");
    } catch (error) {
      return insteadOf(error, known, undefined);
    }
  }

  async function ask(
    query: CacheQuery,
    tags: AnswerTags,
    stamps: readonly string[],
    known: Entry | undefined,
  ) {
    const underWay = flights.join(query.key, stamps, () => load(query, tags, stamps));
    try {
      const entry = await underWay.entry;
      const isKept = entry.body.length <= maxBodyBytes;
      const how = underWay.isOwn ? (isKept ? "; stored" : "") : "; collapsed";
      return tell(entry, "miss", `fwd=${known ? "stale" : "uri-miss"}${how}`);
    } catch (error) {
      return insteadOf(error, known, stamps);
    }
  }

  return {
    async answer(query) {
      const held = memory.get(query.key);
      const tags = held?.tags ?? query.tags();
      if (!tags) return bypass(query, undefined);
      const stamps = await stampsOf.read(allTags(tags));
      if (!stamps) return bypass(query, held);
      if (isRight(held, stamps)) return hit(held);
      const other = await shared.get(query.key, tags);
      if (isRight(other, stamps)) {
        memory.set(query.key, other);
        return hit(other);
      }
      return ask(query, tags, stamps, younger(held, other));
    },
  };
}

function younger(a: Entry | undefined, b: Entry | undefined): Entry | undefined {
  return a && b ? (a.storedAtMs >= b.storedAtMs ? a : b) : (a ?? b);
}
