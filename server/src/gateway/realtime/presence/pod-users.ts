/**
 * Keeps the registry's word on the users of this gateway true: every change is written and then told on the bus, what
 * could not be written is written later, and all is written anew now and then, so that nothing that Redis loses stays
 * lost.
 */
import { create } from "@bufbuild/protobuf";
import { BusMessageSchema } from "@parley/api/internal/bus";
import type { OnlineUsers } from "#gateway/realtime/presence/online-users.ts";
import type { PresenceRegistry } from "#gateway/realtime/presence/presence-registry.ts";
import { type Bus, topics } from "#platform/bus.ts";

export interface PodUsersOptions {
  registry: PresenceRegistry;
  bus: Bus;
  users: Pick<OnlineUsers, "has" | "ids" | "size">;
  podId(): string;
}

/** Users whose entry is written anew within this time; a fourth of their time to live. */
const renewSeconds = 1_800;
const maxWritesPerTick = 5_000;
const maxUnwritten = 200_000;

export class PodUsers {
  readonly #options: PodUsersOptions;
  /** Users about whom the registry may be wrong. */
  readonly #unwritten = new Set<string>();
  #renewal: Iterator<string> = [].values();
  #credit = 0;
  #hasForgotten = false;

  constructor(options: PodUsersOptions) {
    this.#options = options;
  }

  /** So many have left while Redis was away that this gateway should go on under a new name. */
  get hasForgotten(): boolean {
    return this.#hasForgotten;
  }

  /** A user has come or gone. */
  update(userId: string): void {
    void this.#write(userId, true);
  }

  /** The gateway has a new name, under which the registry knows nobody. */
  startAnew(): void {
    this.#hasForgotten = false;
    this.#unwritten.clear();
    this.writeAll();
  }

  /** All users of this gateway are written, at a pace that Redis takes easily. */
  writeAll(): void {
    for (const userId of this.#options.users.ids()) this.#unwritten.add(userId);
  }

  /** To be called once a second while Redis is there. */
  tick(): void {
    let left = maxWritesPerTick;
    for (const userId of this.#unwritten) {
      if (left-- === 0) return;
      this.#unwritten.delete(userId);
      void this.#write(userId, true);
    }
    this.#renewSome(left);
  }

  #renewSome(most: number) {
    const { users } = this.#options;
    for (
      this.#credit = Math.min(most, this.#credit + users.size / renewSeconds);
      this.#credit >= 1;
      this.#credit--
    ) {
      let next = this.#renewal.next();
      if (next.done) {
        this.#renewal = users.ids()[Symbol.iterator]();
        next = this.#renewal.next();
      }
      if (!next.done) void this.#write(next.value, false);
    }
  }

  /** Never rejects. */
  async #write(userId: string, mustTell: boolean): Promise<void> {
    const { registry, bus, users, podId } = this.#options;
    const [online, ownId] = [users.has(userId), podId()];
    try {
      const isNew = online ? await registry.enter(userId, ownId) : await registry.leave(userId, [ownId]);
      if (!mustTell && !isNew) return;
      const podPresence = { userId, podId: ownId, online };
      bus.publish(topics.presence(userId), create(BusMessageSchema, { podPresence }));
    } catch {
      this.#remember(userId);
    }
  }

  #remember(userId: string) {
    if (this.#unwritten.size < maxUnwritten) this.#unwritten.add(userId);
    else if (!this.#options.users.has(userId)) this.#hasForgotten = true;
  }
}
