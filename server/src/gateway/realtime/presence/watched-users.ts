/**
 * On which other gateways the watched users are: read from the registry when somebody begins to watch, and told by the
 * bus from then on. While Redis is away the last that was known stays.
 */
import type { PodPresence } from "@parley/api/internal/bus";
import type { PresenceRegistry } from "#gateway/realtime/presence/presence-registry.ts";
import { type Bus, topics, type Unsubscribe } from "#platform/bus.ts";

export interface WatchedUsersOptions {
  registry: PresenceRegistry;
  bus: Bus;
  ownPodId(): string;
  /** Whether the user is on this gateway. */
  isHere(userId: string): boolean;
  /** Reads anew which gateways live; rejects when Redis is away. */
  refreshPods(): Promise<void>;
  onChange(userId: string, isOnline: boolean): void;
}

interface WatchedUser {
  pods: Set<string>;
  /** What the bus has told while the registry was being read: it is newer. */
  heard: Map<string, boolean> | undefined;
  /** As the watchers have been told; undefined as long as the first read is under way. */
  told: boolean | undefined;
  ready: Promise<void>;
  subscription: Promise<Unsubscribe>;
}

export class WatchedUsers {
  readonly #options: WatchedUsersOptions;
  readonly #watched = new Map<string, WatchedUser>();
  #pods: ReadonlySet<string> = new Set();
  /** Heard of since the last heartbeat was sent: its answer may be older than they are. */
  readonly #newPods = new Set<string>();

  constructor(options: WatchedUsersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#watched.size;
  }

  ids(): Iterable<string> {
    return this.#watched.keys();
  }

  start(userId: string): void {
    const { bus } = this.#options;
    const subscription = bus.subscribe(topics.presence(userId), ({ podPresence }) => {
      if (podPresence?.userId === userId) this.#hear(podPresence);
    });
    const user: WatchedUser = {
      pods: new Set(),
      heard: undefined,
      told: undefined,
      ready: Promise.resolve(),
      subscription,
    };
    this.#watched.set(userId, user);
    user.ready = this.#readFirst(userId, user);
  }

  stop(userId: string): void {
    const user = this.#watched.get(userId);
    this.#watched.delete(userId);
    void user?.subscription.then((unsubscribe) => unsubscribe());
  }

  stopAll(): void {
    for (const userId of [...this.#watched.keys()]) this.stop(userId);
  }

  /** Resolves when it is known whether the user is online, or that it cannot be known now. */
  async ready(userId: string): Promise<void> {
    await this.#watched.get(userId)?.ready;
  }

  isOnline(userId: string): boolean {
    if (this.#options.isHere(userId)) return true;
    for (const podId of this.#watched.get(userId)?.pods ?? []) if (this.#pods.has(podId)) return true;
    return false;
  }

  /** Tells if the user has become online or offline. */
  review(userId: string): void {
    const user = this.#watched.get(userId);
    if (!user || user.told === undefined) return;
    const isOnline = this.isOnline(userId);
    if (isOnline === user.told) return;
    user.told = isOnline;
    this.#options.onChange(userId, isOnline);
  }

  /** The gateways that are taken to live. */
  get pods(): ReadonlySet<string> {
    return this.#pods;
  }

  /** To be called before a heartbeat is sent. */
  startRound(): void {
    this.#newPods.clear();
  }

  /** The gateways that live are these, and those heard of since the round started. */
  setPods(listed: ReadonlySet<string>): void {
    const before = this.#pods;
    const pods = new Set([...listed, ...this.#newPods]);
    this.#pods = pods;
    if (before.size === pods.size && [...before].every((podId) => pods.has(podId))) return;
    for (const userId of this.#watched.keys()) this.review(userId);
  }

  #hear({ userId, podId, online }: PodPresence) {
    const user = this.#watched.get(userId);
    if (!user || podId === this.#options.ownPodId()) return;
    user.heard?.set(podId, online);
    if (online) {
      user.pods.add(podId);
      // It lives: it has just spoken.
      this.#newPods.add(podId);
      if (!this.#pods.has(podId)) this.setPods(this.#pods);
    } else {
      user.pods.delete(podId);
    }
    this.review(userId);
  }

  async #readFirst(userId: string, user: WatchedUser): Promise<void> {
    const { registry, ownPodId, refreshPods } = this.#options;
    await user.subscription;
    try {
      const pods = await this.#read(userId, user);
      for (const podId of pods) user.pods.add(podId);
      // One that is not known may have started just now, or died long ago.
      if (pods.some((podId) => !this.#pods.has(podId))) {
        await refreshPods();
        const dead = pods.filter((podId) => !this.#pods.has(podId) && podId !== ownPodId());
        for (const podId of dead) user.pods.delete(podId);
        if (dead.length > 0) registry.leave(userId, dead).catch(() => {});
      }
    } catch {
      // Redis is away; when it is back, all are read anew.
    }
    user.told = this.isOnline(userId);
  }

  /** The gateways that the registry has, and the bus has not told otherwise meanwhile. */
  async #read(userId: string, user: WatchedUser): Promise<string[]> {
    const heard = new Map<string, boolean>();
    user.heard = heard;
    try {
      const pods = new Set(await this.#options.registry.podsOf(userId));
      for (const [podId, online] of heard) {
        if (online) pods.add(podId);
        else pods.delete(podId);
      }
      pods.delete(this.#options.ownPodId());
      return [...pods];
    } finally {
      if (user.heard === heard) user.heard = undefined;
    }
  }

  /**
   * Reads the registry again: who has come is told at once; who is not found there any more is answered, to be dropped
   * when it is certain that the registry is whole. Rejects when Redis is away.
   */
  async readAgain(userId: string): Promise<string[]> {
    const user = this.#watched.get(userId);
    if (user?.told === undefined) return [];
    const before = [...user.pods];
    const pods = await this.#read(userId, user);
    for (const podId of pods) user.pods.add(podId);
    this.review(userId);
    return before.filter((podId) => !pods.includes(podId) && user.pods.has(podId));
  }

  drop(userId: string, podIds: readonly string[]): void {
    const user = this.#watched.get(userId);
    for (const podId of podIds) user?.pods.delete(podId);
    this.review(userId);
  }
}
