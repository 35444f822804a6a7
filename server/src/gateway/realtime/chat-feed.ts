/**
 * One chat as this gateway passes it on. Its subscribers get the chat's events in the order of their seq, each once,
 * none left out: events that come early wait, what does not come is read from the log.
 *
 * Invariant: a live subscriber has been pushed everything up to lastSeq, from where it joined. One that lacks
 * something is joining (catch-up.ts) and gets no live events until it lacks nothing. See
 * docs/decisions/0012-chat-feeds.md.
 */
import type { EventTrace } from "@parley/api/internal/bus";
import type { Event } from "@parley/api/v2/event";
import { Delivery } from "#gateway/realtime/delivery.ts";
import { EventOrder } from "#gateway/realtime/event-order.ts";
import type { EventReader } from "#gateway/realtime/event-reader.ts";
import { FeedRepair, type RepairableFeed } from "#gateway/realtime/feed-repair.ts";
import { FeedTraces, type PushTracing } from "#gateway/realtime/push-tracing.ts";
import type { RealtimeStats } from "#gateway/realtime/realtime-stats.ts";
import type { Feed, Subscriber } from "#gateway/realtime/subscriber.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";

export interface FeedSurroundings {
  readonly reader: EventReader;
  readonly log: Log;
  readonly clock: Clock;
  readonly stats: RealtimeStats;
  readonly pushTracing: PushTracing;
  /** The user's connections that want the events of all the user's chats. */
  listenersOf(userId: string): Iterable<Subscriber>;
  /** The feed serves nobody any more. */
  onClosed(feed: ChatFeed): void;
}

export class ChatFeed implements Feed, RepairableFeed {
  readonly chatId: string;
  /** Settles when the chat's events arrive from the bus. */
  opened: Promise<void> = Promise.resolve();
  lastEventAtMs = 0;
  readonly #surroundings: FeedSurroundings;
  readonly #order = new EventOrder();
  readonly #live = new Set<Subscriber>();
  #joining: Map<Subscriber, object> | undefined;
  #repair: FeedRepair | undefined;
  #traces: FeedTraces | undefined;
  #holds = 0;
  #isClosed = false;

  constructor(chatId: string, surroundings: FeedSurroundings) {
    this.chatId = chatId;
    this.#surroundings = surroundings;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get lastSeq(): number | undefined {
    return this.#order.lastSeq;
  }

  get knownSeq(): number {
    return this.#order.knownSeq;
  }

  /** Delivery starts after this seq if it has not started yet; to be read after the feed was opened. */
  begin(seq: number): void {
    this.#order.begin(seq);
    this.#order.notice(seq);
    this.offer([]);
  }

  /** There is an event with this seq: if it does not come, it will be read. */
  notice(seq: number): void {
    this.#order.notice(seq);
    this.#repairIfIncomplete();
  }

  /** Looks in the log for events that nothing told of. */
  verify(): void {
    this.#repairer().verify();
  }

  /** Takes events in whatever order and however often they come. */
  offer(events: readonly Event[], traces?: readonly EventTrace[]): void {
    // A read under way may bring some yet: whom they let in would be live where no event ever comes.
    if (this.#isClosed) return;
    if (traces?.length) {
      this.#traces ??= new FeedTraces(this.#surroundings.pushTracing);
      this.#traces.receive(events, traces);
    }
    const ready = this.#order.take(events);
    if (ready.length > 0) this.#deliver(ready);
    this.#repairIfIncomplete();
  }

  #repairIfIncomplete() {
    if (this.#order.isIncomplete) void this.#repairer().start();
  }

  #repairer(): FeedRepair {
    this.#repair ??= new FeedRepair(this, this.#surroundings.reader, this.#surroundings.log);
    return this.#repair;
  }

  /** Pushes events that are next in order, and lets people in and out where the events say so. */
  #deliver(events: readonly Event[]) {
    // The last one may leave by one event, and be let in again by a later one.
    this.hold();
    const delivery = new Delivery(events, this.#live);
    for (let index = 0; index < events.length; index++) {
      const { membership } = events[index]!;
      if (membership?.change === "added") {
        for (const newcomer of this.#newcomers(membership.userId)) delivery.addNewcomer(newcomer, index);
      } else if (membership?.change === "removed") {
        delivery.pushUpTo(index + 1);
        for (const one of this.#live) if (one.userId === membership.userId) this.leave(one);
      }
    }
    delivery.pushUpTo(events.length);
    this.#surroundings.stats.pushedEvents += delivery.pushedEvents;
    if (this.#traces?.pushed(events, this.#live.size)) this.#traces = undefined;
    this.lastEventAtMs = this.#surroundings.clock.now();
    this.release();
  }

  *#newcomers(userId: string): Iterable<Subscriber> {
    for (const subscriber of this.#surroundings.listenersOf(userId)) {
      if (subscriber.feeds.has(this)) continue;
      subscriber.feeds.add(this);
      yield subscriber;
    }
  }

  /** Makes a subscriber live that holds everything up to this seq, unless that is not all there is. */
  tryJoin(subscriber: Subscriber, position: number): boolean {
    if (this.#isClosed || position !== this.lastSeq || this.#order.isIncomplete) return false;
    this.#joining?.delete(subscriber);
    this.#live.add(subscriber);
    subscriber.feeds.add(this);
    return true;
  }

  /** Takes a subscriber out of live delivery until tryJoin. The token is good until it leaves or starts anew. */
  startJoining(subscriber: Subscriber): object {
    const token = {};
    this.#surroundings.stats.catchUps += 1;
    this.#live.delete(subscriber);
    this.#joining ??= new Map();
    this.#joining.set(subscriber, token);
    subscriber.feeds.add(this);
    return token;
  }

  isJoining(subscriber: Subscriber, token: object): boolean {
    return this.#joining?.get(subscriber) === token;
  }

  isLive(subscriber: Subscriber): boolean {
    return this.#live.has(subscriber);
  }

  leave(subscriber: Subscriber): void {
    this.#live.delete(subscriber);
    this.#joining?.delete(subscriber);
    subscriber.feeds.delete(this);
    this.#closeIfUnused();
  }

  *subscribers(): Iterable<Subscriber> {
    yield* this.#live;
    if (this.#joining) yield* this.#joining.keys();
  }

  /** Keeps the feed open although nobody has joined yet. */
  hold(): void {
    this.#holds += 1;
  }

  release(): void {
    this.#holds -= 1;
    this.#closeIfUnused();
  }

  /** Gives up: whoever is subscribed has to resume, which opens the chat anew. */
  fail(): void {
    for (const subscriber of [...this.subscribers()]) {
      this.leave(subscriber);
      subscriber.demandResume();
    }
    this.#close();
  }

  #closeIfUnused() {
    if (this.#live.size + (this.#joining?.size ?? 0) + this.#holds === 0) this.#close();
  }

  #close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#surroundings.onClosed(this);
  }
}
