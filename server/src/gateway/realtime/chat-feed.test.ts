import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "@parley/api/v2/event";
import { catchUp } from "#gateway/realtime/catch-up.ts";
import { ChatFeed } from "#gateway/realtime/chat-feed.ts";
import { EventPage } from "#gateway/realtime/event-page.ts";
import type { EventReader } from "#gateway/realtime/event-reader.ts";
import { createPushTracing } from "#gateway/realtime/push-tracing.ts";
import { RealtimeStats } from "#gateway/realtime/realtime-stats.ts";
import type { Feed, Subscriber } from "#gateway/realtime/subscriber.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry } from "#platform/telemetry.ts";

class Recorder implements Subscriber {
  readonly userId: string;
  readonly feeds = new Set<Feed>();
  readonly seqs: number[] = [];
  hadToResume = false;

  constructor(userId: string) {
    this.userId = userId;
  }

  push(frame: Buffer) {
    const text = frame.subarray(frame.indexOf("{")).toString();
    for (const event of JSON.parse(text).events) this.seqs.push(event.seq);
  }

  async drained() {}

  demandResume() {
    this.hadToResume = true;
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("a chat's feed", () => {
  let log: Event[];
  let reads: string[];
  let beforeRead: () => Promise<void>;
  let closed: number;
  let listeners: Recorder[];
  let feed: ChatFeed;

  /** A log of so many messages; some of them are the news that someone was added or removed. */
  function write(count: number, changes: Record<number, [string, "added" | "removed"]> = {}) {
    for (let seq = log.length + 1; count > 0; seq++, count--) {
      const [userId, change] = changes[seq] ?? [];
      const what = userId && change ? { membership: { userId, change } } : {};
      log.push(
        create(EventSchema, { chatId: "chat", seq, kind: userId ? "membership" : "message", ...what }),
      );
    }
  }

  const events = (from: number, to: number) => log.slice(from - 1, to);
  const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

  const reader: EventReader = {
    async read({ memberId, after }) {
      reads.push(`${memberId} after ${after}`);
      await beforeRead();
      return new EventPage(log.slice(after, after + 10), log.length);
    },
    readNow: (range) => reader.read({ ...range, upTo: 0 }),
  };

  beforeEach(() => {
    [log, reads, closed, listeners] = [[], [], 0, []];
    beforeRead = async () => {};
    feed = new ChatFeed("chat", {
      reader,
      log: createLog("silent"),
      clock: { now: () => 1 },
      stats: new RealtimeStats(),
      pushTracing: createPushTracing(noTelemetry.tracing),
      listenersOf: (userId) => listeners.filter((one) => one.userId === userId),
      onClosed: () => {
        closed += 1;
      },
    });
  });

  function joined(userId: string, position: number): Recorder {
    const subscriber = new Recorder(userId);
    listeners.push(subscriber);
    assert.equal(feed.tryJoin(subscriber, position), true);
    return subscriber;
  }

  it("drops what it has delivered, and puts early events in their order", async () => {
    write(6);
    feed.begin(2);
    const ann = joined("ann", 2);
    feed.offer(events(1, 3));
    feed.offer(events(5, 6));
    feed.offer(events(4, 4));
    feed.offer(events(4, 6));
    await settled();
    assert.deepEqual(ann.seqs, [3, 4, 5, 6]);
  });

  it("reads what does not come", async () => {
    write(40);
    feed.begin(0);
    const ann = joined("ann", 0);
    feed.offer(events(38, 38));
    await settled();
    assert.deepEqual(ann.seqs, range(1, 40));
  });

  it("gets by with a bounded number of waiting events", async () => {
    write(3_000);
    feed.begin(0);
    const ann = joined("ann", 0);
    let release = () => {};
    beforeRead = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    feed.offer(events(2, 3_000));
    beforeRead = async () => {};
    release();
    for (let n = 0; n < 200 && ann.seqs.length < 3_000; n++) await settled();
    assert.deepEqual(ann.seqs, range(1, 3_000));
  });

  it("begins early enough for someone whom a waiting event lets in", () => {
    write(8, { 5: ["ben", "added"] });
    const ben = new Recorder("ben");
    listeners.push(ben);
    feed.hold();
    feed.offer(events(5, 8));
    feed.begin(7);
    assert.deepEqual(ben.seqs, [5, 6, 7, 8]);
    assert.equal(feed.lastSeq, 8);
  });

  it("lets in at the very event, lets go after it, and in again", () => {
    write(9, { 3: ["ben", "added"], 5: ["ben", "removed"], 8: ["ben", "added"] });
    feed.begin(0);
    const ann = joined("ann", 0);
    const ben = new Recorder("ben");
    listeners.push(ben);
    feed.offer(events(1, 9));
    assert.deepEqual(ann.seqs, range(1, 9));
    assert.deepEqual(ben.seqs, [3, 4, 5, 8, 9]);
  });

  it("does not let in twice who is catching up", async () => {
    write(6, { 4: ["ben", "added"] });
    feed.begin(3);
    joined("ann", 3);
    const ben = new Recorder("ben");
    listeners.push(ben);
    let release = () => {};
    beforeRead = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    const caught = catchUp(reader, { feed, subscriber: ben, position: 0, memberAt: 3 });
    feed.offer(events(4, 6));
    assert.deepEqual(ben.seqs, []);
    beforeRead = async () => {};
    release();
    assert.equal(await caught, "live");
    assert.deepEqual(ben.seqs, range(1, 6));
  });

  it("pushes nothing of a time without membership to who catches up over it", async () => {
    write(12, { 2: ["ben", "removed"], 3: ["ben", "added"], 6: ["ben", "removed"], 9: ["ben", "added"] });
    feed.begin(12);
    const ben = new Recorder("ben");
    const end = await catchUp(reader, { feed, subscriber: ben, position: 0, memberAt: 4 });
    assert.equal(end, "live");
    assert.deepEqual(ben.seqs, [...range(1, 6), ...range(9, 12)]);
  });

  it("ends catching up with the event that removes the subscriber", async () => {
    write(8, { 6: ["ben", "removed"] });
    feed.begin(8);
    const ben = new Recorder("ben");
    assert.equal(await catchUp(reader, { feed, subscriber: ben, position: 0, memberAt: 4 }), "left");
    assert.deepEqual(ben.seqs, range(1, 6));
    assert.equal(ben.feeds.size, 0);
    assert.equal(closed, 1);
  });

  it("neither loses nor doubles what happens while someone catches up", async () => {
    write(30);
    feed.begin(30);
    const ben = new Recorder("ben");
    beforeRead = async () => {
      if (log.length >= 60) return;
      write(3);
      feed.offer(events(log.length - 2, log.length));
    };
    await catchUp(reader, { feed, subscriber: ben, position: 5, memberAt: 30 });
    write(1);
    feed.offer(events(log.length, log.length));
    assert.deepEqual(ben.seqs, range(6, log.length));
  });

  it("takes someone who knows more than the feed does", async () => {
    write(5);
    feed.begin(3);
    const ann = joined("ann", 3);
    feed.notice(5);
    const ben = new Recorder("ben");
    assert.equal(await catchUp(reader, { feed, subscriber: ben, position: 5, memberAt: 5 }), "live");
    write(1);
    feed.offer(events(6, 6));
    assert.deepEqual(ben.seqs, [6]);
    assert.deepEqual(ann.seqs, [4, 5, 6]);
  });

  it("reads in the name of another member when one is none any more", async () => {
    write(4);
    feed.begin(0);
    const [ann, ben] = [joined("ann", 0), joined("ben", 0)];
    beforeRead = async () => {
      if (reads.at(-1)?.startsWith("ann")) throw fault("chat-not-found");
    };
    feed.notice(4);
    await settled();
    assert.deepEqual([ann.hadToResume, ann.seqs, ann.feeds.size], [true, [], 0]);
    assert.deepEqual([ben.hadToResume, ben.seqs], [false, range(1, 4)]);
  });

  it("lets nobody in once it is closed, whatever a read still brings", async () => {
    write(2, { 1: ["ben", "added"] });
    feed.begin(0);
    const ann = joined("ann", 0);
    const ben = new Recorder("ben");
    listeners.push(ben);
    const reading = Promise.withResolvers<void>();
    beforeRead = () => reading.promise;
    feed.notice(2);
    feed.leave(ann);
    assert.equal(closed, 1);
    reading.resolve();
    await settled();
    assert.deepEqual([reads.length, ben.seqs, ben.feeds.size], [1, [], 0]);
  });

  it("stays open for the last one whom the same delivery lets go and in again", () => {
    write(4, { 2: ["ben", "removed"], 3: ["ben", "added"] });
    feed.begin(0);
    const ben = joined("ben", 0);
    feed.offer(events(1, 4));
    assert.deepEqual([ben.seqs, closed, feed.isLive(ben)], [range(1, 4), 0, true]);
  });

  it("brings nobody up to date once it was given up", async () => {
    write(3);
    feed.begin(1);
    feed.hold();
    feed.fail();
    const ann = new Recorder("ann");
    const caught = catchUp(reader, { feed, subscriber: ann, position: 2, memberAt: 3 });
    await assert.rejects(caught, (error) => toPublicError(error).code === "unavailable");
    assert.deepEqual([reads, ann.seqs, ann.feeds.size], [[], [], 0]);
  });

  it("closes when the last one leaves and nobody holds it", () => {
    feed.begin(0);
    feed.hold();
    const ann = joined("ann", 0);
    feed.leave(ann);
    assert.equal(closed, 0);
    feed.release();
    assert.equal(closed, 1);
    assert.equal(feed.tryJoin(ann, 0), false);
  });
});
