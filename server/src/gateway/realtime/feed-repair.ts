/** Reads from the event log what a feed has not got from the bus, until it lacks nothing. */
import { setTimeout as delay } from "node:timers/promises";
import type { Event } from "@parley/api/v2/event";
import type { EventReader } from "#gateway/realtime/event-reader.ts";
import type { Subscriber } from "#gateway/realtime/subscriber.ts";
import { toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";

export interface RepairableFeed {
  readonly chatId: string;
  readonly isClosed: boolean;
  readonly lastSeq: number | undefined;
  /** The greatest seq known to exist. */
  readonly knownSeq: number;
  offer(events: readonly Event[]): void;
  notice(seq: number): void;
  subscribers(): Iterable<Subscriber>;
  leave(subscriber: Subscriber): void;
  fail(): void;
}

const firstDelayMs = 20;
const maxDelayMs = 2_000;
/** In a row: half a minute. */
const maxFailures = 20;

export class FeedRepair {
  readonly #feed: RepairableFeed;
  readonly #reader: EventReader;
  readonly #log: Log;
  #isRunning = false;
  #mustVerify = false;

  constructor(feed: RepairableFeed, reader: EventReader, log: Log) {
    this.#feed = feed;
    this.#reader = reader;
    this.#log = log;
  }

  /** Looks whether there is more than is known. */
  verify(): void {
    this.#mustVerify = true;
    void this.start();
  }

  async start(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let failures = 0; this.#isNeeded(); ) {
      const [member] = this.#feed.subscribers();
      if (!member) break;
      failures = (await this.#readAs(member)) ? 0 : failures + 1;
      if (failures > maxFailures) this.#feed.fail();
      else if (failures > 0) await this.#pause(failures);
    }
    this.#isRunning = false;
  }

  #isNeeded(): boolean {
    const { isClosed, lastSeq, knownSeq } = this.#feed;
    return !isClosed && lastSeq !== undefined && (this.#mustVerify || lastSeq < knownSeq);
  }

  /** Whether it brought the feed on. Never throws. */
  async #readAs(member: Subscriber): Promise<boolean> {
    const feed = this.#feed;
    const before = feed.lastSeq ?? 0;
    const range = { chatId: feed.chatId, memberId: member.userId, after: before };
    try {
      const page = this.#mustVerify
        ? await this.#reader.readNow(range)
        : await this.#reader.read({ ...range, upTo: feed.knownSeq });
      const isVerified = this.#mustVerify;
      this.#mustVerify = false;
      feed.offer(page.events);
      feed.notice(page.lastSeq);
      return isVerified || (feed.lastSeq ?? 0) > before;
    } catch (error) {
      if (toPublicError(error).code === "chat-not-found") return this.#expel(member.userId);
      this.#log.warn({ err: error, chatId: feed.chatId }, "events that a feed lacks could not be read");
      return false;
    }
  }

  /** A user who may not read the chat is no member any more; the news of it was lost. */
  #expel(userId: string): true {
    for (const subscriber of [...this.#feed.subscribers()]) {
      if (subscriber.userId !== userId) continue;
      this.#feed.leave(subscriber);
      subscriber.demandResume();
    }
    return true;
  }

  #pause(failures: number): Promise<void> {
    return delay(Math.min(maxDelayMs, firstDelayMs * 2 ** failures), undefined, { ref: false });
  }
}
