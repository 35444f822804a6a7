/**
 * Who is online: whoever has at least one socket, on any gateway. One who loses the last one counts as online for a
 * short grace, as most are back at once.
 */
import { OnlineUsers } from "#gateway/realtime/presence/online-users.ts";
import { PresenceWatchers, type Watcher } from "#gateway/realtime/presence/presence-watchers.ts";
import type { Clock } from "#platform/clock.ts";

export type { Watcher } from "#gateway/realtime/presence/presence-watchers.ts";

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
  stop(): void;
}

/** The presence of a gateway that is the only one. */
export function createLocalPresence({ clock, graceMs }: { clock: Clock; graceMs: number }): Presence {
  const watchers = new PresenceWatchers(clock);
  const users = new OnlineUsers({ clock, graceMs, onChange: (id, isOnline) => watchers.tell(id, isOnline) });
  return {
    enter: (userId) => users.enter(userId),
    leave: (userId) => users.leave(userId),
    async watch(watcher, userIds) {
      watchers.watch(watcher, userIds);
      return new Set(userIds.filter((userId) => users.has(userId)));
    },
    unwatch: (watcher) => watchers.unwatch(watcher),
    tick: () => users.tick(),
    stop() {},
  };
}
