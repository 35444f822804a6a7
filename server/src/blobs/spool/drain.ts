/** Brings what is spooled to the store, several at a time and the oldest first; while the store is away, seldom and one. */
import { setTimeout as delay } from "node:timers/promises";
import { bringToStore, SpooledBytesLost } from "#blobs/spool/bring-to-store.ts";
import type { SpoolFolder } from "#blobs/spool/spool-folder.ts";
import type { SpoolMetrics } from "#blobs/spool/spool-metrics.ts";
import { type WaitingObject, waitingObjects } from "#blobs/store-spool.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import type { Database } from "#platform/database.ts";
import { toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import { createLogInterval } from "#platform/log-interval.ts";

export interface DrainOptions {
  folder: SpoolFolder;
  store: ObjectStore;
  database: Database;
  metrics: SpoolMetrics;
  /** An object does not take room here any more. */
  onGone(bytes: number): void;
  log: Log;
}

export interface Drain {
  /** Goes on for so long as there is something to bring and the store takes it. */
  stop(withinMs: number): Promise<void>;
}

const atOnce = 8;
const idleMs = 1_000;
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
/** Of one object; a store that stalls says so sooner. */
const maxBringMs = 1_800_000;
/** Objects that are lost are not asked for again by this process. */
const maxLost = 10_000;
const logEveryMs = 60_000;

type Outcome = "idle" | "progress" | "away";

export function startDrain(options: DrainOptions): Drain {
  const { database, folder, log } = options;
  const giveUp = new AbortController();
  const wake = new AbortController();
  const lost = new Set<string>();
  const isTimeToLog = createLogInterval(logEveryMs);
  let isStopping = false;
  let pauseMs = 0;

  async function bring(object: WaitingObject): Promise<boolean> {
    const signal = AbortSignal.any([giveUp.signal, AbortSignal.timeout(maxBringMs)]);
    try {
      options.metrics.brought(await bringToStore(options, object, signal));
      options.onGone(object.size);
      return true;
    } catch (error) {
      if (giveUp.signal.aborted) return false;
      if (error instanceof SpooledBytesLost) return noteLost(object, error);
      options.metrics.failed(error);
      pauseMs = Math.max(pauseMs, toPublicError(error).retryAfterMs ?? 0);
      if (isTimeToLog()) log.warn({ err: error }, "spooled blobs cannot be brought to the object store");
      return false;
    }
  }

  /** It stays as it is: only people can know where another copy may be. */
  function noteLost({ id, size }: WaitingObject, error: SpooledBytesLost): boolean {
    log.error({ err: error, objectId: id, size }, "the bytes of an acknowledged blob are lost");
    options.metrics.brought("lost");
    if (lost.size >= maxLost) return false;
    lost.add(id);
    return true;
  }

  async function bringSome(limit: number): Promise<Outcome> {
    const objects = await waitingObjects(database, folder.podId, { except: [...lost], limit });
    if (objects.length === 0) return "idle";
    const brought = await Promise.all(objects.map(bring));
    return brought.every(Boolean) ? "progress" : "away";
  }

  async function run() {
    for (;;) {
      let outcome: Outcome = "away";
      try {
        outcome = await bringSome(pauseMs > 0 ? 1 : atOnce);
      } catch (error) {
        if (isTimeToLog()) log.warn({ err: error }, "it is not known what is spooled");
      }
      if (isStopping && outcome !== "progress") return;
      if (outcome === "away") pauseMs = Math.min(longestPauseMs, Math.max(firstPauseMs, 2 * pauseMs));
      else pauseMs = 0;
      const waitMs = outcome === "progress" ? 0 : pauseMs || idleMs;
      if (waitMs > 0) await delay(waitMs, undefined, { ref: false, signal: wake.signal }).catch(() => {});
    }
  }

  const ended = run();
  return {
    async stop(withinMs) {
      isStopping = true;
      wake.abort();
      const timer = setTimeout(() => giveUp.abort(), withinMs);
      await ended;
      clearTimeout(timer);
    },
  };
}
