/** Who wants to know of whom, and the telling. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { EventSchema } from "@parley/api/v2/event";
import { eventFrames, eventJson } from "#gateway/realtime/event-page.ts";
import type { Clock } from "#platform/clock.ts";

export interface Watcher {
  push(frame: Buffer): void;
}

export interface WatchedUsers {
  /** Somebody watches the user who was watched by nobody. */
  onWatched?(userId: string): void;
  onUnwatched?(userId: string): void;
}

export class PresenceWatchers {
  readonly #clock: Clock;
  readonly #users: WatchedUsers;
  readonly #watchersOf = new Map<string, Set<Watcher>>();
  readonly #watchedBy = new Map<Watcher, readonly string[]>();

  constructor(clock: Clock, users: WatchedUsers = {}) {
    this.#clock = clock;
    this.#users = users;
  }

  /** Watches these users instead of those before. */
  watch(watcher: Watcher, userIds: readonly string[]): void {
    const before = this.#watchedBy.get(watcher) ?? [];
    for (const userId of userIds) this.#add(watcher, userId);
    const kept = new Set(userIds);
    for (const userId of before) if (!kept.has(userId)) this.#remove(watcher, userId);
    this.#watchedBy.set(watcher, userIds);
  }

  unwatch(watcher: Watcher): void {
    for (const userId of this.#watchedBy.get(watcher) ?? []) this.#remove(watcher, userId);
    this.#watchedBy.delete(watcher);
  }

  #add(watcher: Watcher, userId: string) {
    const known = this.#watchersOf.get(userId);
    if (known) {
      known.add(watcher);
      return;
    }
    this.#watchersOf.set(userId, new Set([watcher]));
    this.#users.onWatched?.(userId);
  }

  #remove(watcher: Watcher, userId: string) {
    const watchers = this.#watchersOf.get(userId);
    if (!watchers?.delete(watcher) || watchers.size > 0) return;
    this.#watchersOf.delete(userId);
    this.#users.onUnwatched?.(userId);
  }

  tell(userId: string, isOnline: boolean): void {
    const watchers = this.#watchersOf.get(userId);
    if (!watchers) return;
    const at = timestampFromMs(this.#clock.now());
    const presence = { userId, online: isOnline };
    const event = create(EventSchema, { kind: "presence", at, actorId: userId, presence });
    for (const frame of eventFrames([eventJson(event)])) for (const one of watchers) one.push(frame);
  }
}
