/**
 * Who is online: whoever has at least one socket. One who loses the last one counts as online for a short grace, as
 * most are back at once. This is the registry of a Parley that is one process.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { EventSchema } from "@parley/api/v2/event";
import { eventFrames, eventJson } from "#gateway/realtime/event-page.ts";
import type { Clock } from "#platform/clock.ts";

export interface Watcher {
  push(frame: Buffer): void;
}

export interface Presence {
  /** A user has a socket again, or the first one. */
  enter(userId: string): void;
  /** A user has no socket any more. */
  leave(userId: string): void;
  /** Tells the watcher of every change of these users from now on, instead of those before; answers who is online. */
  watch(watcher: Watcher, userIds: readonly string[]): Promise<ReadonlySet<string>>;
  unwatch(watcher: Watcher): void;
  /** To be called once a second. */
  tick(): void;
}

export function createLocalPresence(options: { clock: Clock; graceMs: number }): Presence {
  const { clock, graceMs } = options;
  const online = new Set<string>();
  /** When the grace of those ends who have just left. In the order of time. */
  const leaving = new Map<string, number>();
  const watchersOf = new Map<string, Set<Watcher>>();
  const watchedBy = new Map<Watcher, readonly string[]>();

  function tell(userId: string, isOnline: boolean) {
    const watchers = watchersOf.get(userId);
    if (!watchers) return;
    const at = timestampFromMs(clock.now());
    const presence = { userId, online: isOnline };
    const event = create(EventSchema, { kind: "presence", at, actorId: userId, presence });
    for (const frame of eventFrames([eventJson(event)])) for (const one of watchers) one.push(frame);
  }

  function unwatch(watcher: Watcher) {
    for (const userId of watchedBy.get(watcher) ?? []) {
      const watchers = watchersOf.get(userId);
      watchers?.delete(watcher);
      if (watchers?.size === 0) watchersOf.delete(userId);
    }
    watchedBy.delete(watcher);
  }

  return {
    enter(userId) {
      leaving.delete(userId);
      if (online.has(userId)) return;
      online.add(userId);
      tell(userId, true);
    },
    leave(userId) {
      leaving.delete(userId);
      leaving.set(userId, clock.now() + graceMs);
    },
    async watch(watcher, userIds) {
      unwatch(watcher);
      watchedBy.set(watcher, userIds);
      for (const userId of userIds) {
        const watchers = watchersOf.get(userId) ?? new Set();
        watchersOf.set(userId, watchers.add(watcher));
      }
      return new Set(userIds.filter((userId) => online.has(userId)));
    },
    unwatch,
    tick() {
      for (const [userId, endsAtMs] of leaving) {
        if (endsAtMs > clock.now()) return;
        leaving.delete(userId);
        online.delete(userId);
        tell(userId, false);
      }
    },
  };
}
