/** From the event bus to the sockets: the feeds of all chats that somebody on this gateway is subscribed to. */
import type { BusMessage } from "@parley/api/internal/bus";
import type { Event } from "@parley/api/v2/event";
import { catchUp } from "#gateway/realtime/catch-up.ts";
import { ChatFeed, type FeedSurroundings } from "#gateway/realtime/chat-feed.ts";
import { eventFrames, eventJson } from "#gateway/realtime/event-page.ts";
import type { EventReader } from "#gateway/realtime/event-reader.ts";
import type { PushTracing } from "#gateway/realtime/push-tracing.ts";
import type { RealtimeStats } from "#gateway/realtime/realtime-stats.ts";
import type { Subscriber } from "#gateway/realtime/subscriber.ts";
import { type Bus, topics, type Unsubscribe } from "#platform/bus.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";

export interface FanOutOptions {
  bus: Bus;
  reader: EventReader;
  log: Log;
  clock: Clock;
  listenersOf(userId: string): Iterable<Subscriber>;
  stats: RealtimeStats;
  pushTracing: PushTracing;
}

interface OpenFeed {
  feed: ChatFeed;
  subscription: Promise<Unsubscribe>;
}

export class FanOut {
  readonly #bus: Bus;
  readonly #surroundings: FeedSurroundings;
  readonly #feeds = new Map<string, OpenFeed>();

  constructor({ bus, ...surroundings }: FanOutOptions) {
    this.#bus = bus;
    this.#surroundings = { ...surroundings, onClosed: (feed) => this.#forget(feed) };
  }

  /** Open feeds. */
  get size(): number {
    return this.#feeds.size;
  }

  get(chatId: string): ChatFeed | undefined {
    return this.#feeds.get(chatId)?.feed;
  }

  /** The chat's feed, opened if need be; it closes when nobody holds it and nobody is subscribed. */
  open(chatId: string): ChatFeed {
    const known = this.get(chatId);
    if (known) return known;
    const feed = new ChatFeed(chatId, this.#surroundings);
    const subscription = this.#bus.subscribe(topics.chat(chatId), (message) =>
      feed.offer(message.events, message.eventTraces),
    );
    this.#feeds.set(chatId, { feed, subscription });
    feed.opened = subscription.then(() => {});
    feed.opened.catch((error) => {
      this.#surroundings.log.warn({ err: error, chatId }, "the bus did not take a subscription");
      feed.fail();
    });
    return feed;
  }

  #forget(feed: ChatFeed) {
    const open = this.#feeds.get(feed.chatId);
    if (open?.feed !== feed) return;
    this.#feeds.delete(feed.chatId);
    open.subscription.then(
      (unsubscribe) => unsubscribe(),
      () => {},
    );
  }

  /** What the bus says to a user: pushed as it is, and a new chat of hers is joined. */
  takeUserMessage(userId: string, { events, eventTraces }: BusMessage): void {
    for (const [index, event] of events.entries()) {
      if (event.seq !== undefined) {
        this.#takeNumbered(userId, event, event.seq);
      } else {
        const traceparent = eventTraces.find((one) => one.index === index)?.traceparent;
        this.#takeUnnumbered(userId, event, traceparent);
      }
    }
  }

  #takeUnnumbered(userId: string, event: Event, traceparent: string | undefined) {
    const listeners = [...this.#surroundings.listenersOf(userId)];
    if (listeners.length === 0) return;
    const { stats, pushTracing } = this.#surroundings;
    const received = traceparent ? pushTracing.receive(traceparent) : undefined;
    for (const frame of eventFrames([eventJson(event)])) for (const one of listeners) one.push(frame);
    stats.pushedEvents += listeners.length;
    received?.pushed(listeners.length, event);
    // A chat that was just created: it is followed from its first event on.
    if (event.kind === "chat" && event.chatId) this.#follow(event.chatId, listeners);
  }

  #follow(chatId: string, listeners: Subscriber[]) {
    const wasOpen = this.get(chatId) !== undefined;
    const feed = this.open(chatId);
    feed.begin(0);
    for (const subscriber of listeners) {
      if (subscriber.feeds.has(feed) || feed.tryJoin(subscriber, 0)) continue;
      catchUp(this.#surroundings.reader, { feed, subscriber, position: 0, memberAt: 0 }).catch((error) => {
        this.#surroundings.log.warn({ err: error, chatId }, "a new chat could not be followed");
        subscriber.demandResume();
      });
    }
    if (!wasOpen) verifyOnceOpen(feed);
  }

  /** The feed lets those in whom the event adds, see ChatFeed. */
  #takeNumbered(userId: string, event: Event, seq: number) {
    const known = this.get(event.chatId);
    if (known) {
      known.offer([event]);
      return;
    }
    const [listener] = this.#surroundings.listenersOf(userId);
    const isInvited = event.membership?.change === "added" && event.membership.userId === userId;
    if (!listener || !isInvited) return;
    const feed = this.open(event.chatId);
    feed.begin(seq - 1);
    feed.offer([event]);
    verifyOnceOpen(feed);
  }
}

/** Events may have come between the one that made us open the feed and the subscription. */
function verifyOnceOpen(feed: ChatFeed) {
  feed.opened.then(
    () => feed.verify(),
    () => {},
  );
}
