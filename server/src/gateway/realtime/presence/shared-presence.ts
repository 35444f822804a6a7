/** Presence over all gateways that share a Redis: see docs/redis.md. */
import { randomUUID } from "node:crypto";
import { OnlineUsers } from "#gateway/realtime/presence/online-users.ts";
import { PodUsers } from "#gateway/realtime/presence/pod-users.ts";
import { createPresenceRegistry } from "#gateway/realtime/presence/presence-registry.ts";
import { PresenceWatchers } from "#gateway/realtime/presence/presence-watchers.ts";
import { RegistryCheck } from "#gateway/realtime/presence/registry-check.ts";
import { WatchedUsers } from "#gateway/realtime/presence/watched-users.ts";
import type { Presence } from "#gateway/realtime/presence.ts";
import type { Bus } from "#platform/bus.ts";
import type { Clock } from "#platform/clock.ts";
import type { Redis } from "#platform/redis.ts";

export interface SharedPresenceOptions {
  redis: Redis;
  bus: Bus;
  clock: Clock;
  graceMs: number;
  /** How long a gateway that died without a word is taken to live. */
  leaseMs?: number;
}

const defaultLeaseMs = 10_000;
/** Ticks; several within a lease. */
const heartbeatSeconds = 3;

export function createSharedPresence(options: SharedPresenceOptions): Presence {
  const { redis, bus, clock, graceMs, leaseMs = defaultLeaseMs } = options;
  const registry = createPresenceRegistry(redis, leaseMs);
  let podId: string = randomUUID();
  let isListed = false;
  let ticks = 0;
  let heartbeat: Promise<void> | undefined;
  const watchers = new PresenceWatchers(clock, {
    onWatched: (userId) => watched.start(userId),
    onUnwatched: (userId) => watched.stop(userId),
  });
  const users = new OnlineUsers({
    clock,
    graceMs,
    onChange(userId) {
      podUsers.update(userId);
      watched.review(userId);
    },
  });
  const podUsers = new PodUsers({ registry, bus, users, podId: () => podId });
  const watched = new WatchedUsers({
    registry,
    bus,
    ownPodId: () => podId,
    isHere: (userId) => users.has(userId),
    refreshPods: () => beat(),
    onChange: (userId, isOnline) => watchers.tell(userId, isOnline),
  });
  const check = new RegistryCheck({ watched });

  /** One at a time. Rejects when Redis is away. */
  function beat(): Promise<void> {
    heartbeat ??= sendHeartbeat().finally(() => {
      heartbeat = undefined;
    });
    return heartbeat;
  }

  async function sendHeartbeat() {
    if (podUsers.hasForgotten) {
      podId = randomUUID();
      isListed = false;
      podUsers.startAnew();
    }
    const round = check.startRound();
    try {
      const { wasKnown, pods } = await registry.heartbeat(podId);
      if (isListed && !wasKnown) disturbed();
      isListed = true;
      check.endRound(round, wasKnown, pods);
    } catch (error) {
      check.abandonRound(round);
      throw error;
    }
  }

  /** The registry may have lost entries, or the bus messages. */
  function disturbed() {
    podUsers.writeAll();
    check.restart();
  }

  const stopGap = bus.onGap(disturbed);
  // Listed before its first user is.
  beat().catch(() => {});

  return {
    enter: (userId) => users.enter(userId),
    leave: (userId) => users.leave(userId),
    async watch(watcher, userIds) {
      watchers.watch(watcher, userIds);
      await Promise.all(userIds.map((userId) => watched.ready(userId)));
      return new Set(userIds.filter((userId) => watched.isOnline(userId)));
    },
    unwatch: (watcher) => watchers.unwatch(watcher),
    tick() {
      users.tick();
      ticks += 1;
      if (!redis.isReady) return;
      if (ticks % heartbeatSeconds === 0) beat().catch(() => {});
      podUsers.tick();
      check.tick();
    },
    // Its users are known to be elsewhere, or gone, when its lease is over: a rolling restart tells nobody anything.
    stop() {
      stopGap();
      watched.stopAll();
    },
  };
}
