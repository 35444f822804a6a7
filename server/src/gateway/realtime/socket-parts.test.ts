import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import { EventSchema } from "@parley/api/v2/event";
import * as ws from "ws";
import { eventFrames, eventJson } from "#gateway/realtime/event-page.ts";
import { createTurnFlusher, SocketWriter } from "#gateway/realtime/socket-writer.ts";
import { textFrame } from "#gateway/realtime/text-frame.ts";
import { TimerWheel, type Wakeable } from "#gateway/realtime/timer-wheel.ts";
import { TokenBucket } from "#gateway/realtime/token-bucket.ts";
import { toPublicError } from "#platform/errors.ts";

/** Exported by ws, but missing in its types. */
const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean }) => NodeJS.WritableStream;
};

describe("text frames", () => {
  it("are read by ws as what was written, at every length of the length field", async () => {
    for (const text of [
      "",
      "x",
      "ä€😀".repeat(20),
      "y".repeat(125),
      "y".repeat(126),
      "z".repeat(65_535),
      "z".repeat(65_536),
    ]) {
      const receiver = new Receiver({ isServer: false });
      const received = new Promise((resolve) =>
        receiver.on("message", (data: Buffer) => resolve(data.toString())),
      );
      receiver.write(textFrame(text));
      assert.equal(await received, text);
    }
  });

  it("hold many events up to a size, and a large event alone", () => {
    const small = eventJson(create(EventSchema, { chatId: "c", seq: 1, kind: "message" }));
    const large = eventJson(
      create(EventSchema, { chatId: "c", kind: "message", message: { text: "x".repeat(60_000) } }),
    );
    assert.equal(eventFrames([]).length, 0);
    assert.equal(eventFrames([small, small, small]).length, 1);
    assert.equal(eventFrames([small, large, small]).length, 3);
    const many = eventFrames(Array(2_000).fill(small));
    assert.ok(many.length > 1 && many.every((frame) => frame.length < 60_000));
    const total = many.flatMap((frame) => JSON.parse(frame.subarray(4).toString()).events).length;
    assert.equal(total, 2_000);
  });
});

describe("a socket's writer", () => {
  it("sends what one turn writes in one piece", async () => {
    const pieces: number[] = [];
    const socket = new PassThrough();
    socket._writev = (chunks, done) => {
      pieces.push(chunks.length);
      done();
    };
    const writer = new SocketWriter(socket, createTurnFlusher());
    for (let n = 0; n < 5; n++) writer.write(textFrame("x"));
    assert.equal(writer.backlogBytes(), 0);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    writer.write(textFrame("y"));
    writer.write(textFrame("z"));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.deepEqual(pieces, [5, 2]);
  });

  it("holds back all that is written until it is released, or somebody waits for it to be taken", async () => {
    const socket = new PassThrough({ writableHighWaterMark: 10 });
    const writer = new SocketWriter(socket, createTurnFlusher());
    let came = 0;
    socket.on("data", (chunk: Buffer) => {
      came += chunk.length;
    });
    const turn = () => new Promise(setImmediate);
    for (const letGo of [() => writer.release(), () => writer.drained(5_000)]) {
      came = 0;
      writer.hold();
      socket.write("answer to the handshake");
      writer.write(textFrame("x".repeat(100_000)));
      await turn();
      await turn();
      assert.equal(came, 0);
      assert.ok(writer.backlogBytes() > 100_000);
      await letGo();
      await turn();
      assert.equal(came, 100_033);
      writer.release();
      writer.write(textFrame("y"));
      await turn();
      await turn();
      assert.equal(came, 100_036);
    }
  });

  it("resolves drained at once, when the peer reads, or not at all", async () => {
    const socket = new PassThrough({ writableHighWaterMark: 10 });
    const writer = new SocketWriter(socket, createTurnFlusher());
    await writer.drained(1);
    writer.write(textFrame("x".repeat(100_000)));
    await new Promise(setImmediate);
    await assert.rejects(writer.drained(5), (error) => toPublicError(error).code === "timeout");
    const drained = writer.drained(5_000);
    socket.resume();
    await drained;
    socket.pause();
    writer.write(textFrame("x".repeat(100_000)));
    const gone = assert.rejects(writer.drained(5_000), (error) => toPublicError(error).code === "cancelled");
    socket.destroy();
    await gone;
  });
});

describe("the timer wheel", () => {
  it("wakes each in its time, again as it asks, and never after cancel", () => {
    const wheel = new TimerWheel();
    const woken: string[] = [];
    const sleeper = (name: string, again: number): Wakeable => ({
      wheelSlot: undefined,
      wake: (nowMs) => {
        woken.push(`${name} ${nowMs / 1_000}`);
        return again;
      },
    });
    const [a, b, c] = [sleeper("a", 3), sleeper("b", 0), sleeper("c", 0)];
    wheel.schedule(a, 1.2);
    wheel.schedule(b, 500);
    wheel.schedule(c, 2);
    wheel.schedule(c, 4);
    wheel.cancel(c);
    for (let second = 1; second <= 130; second++) {
      if (second === 9) wheel.cancel(a);
      wheel.tick(second * 1_000);
    }
    assert.deepEqual(woken, ["a 2", "a 5", "a 8", "b 63"]);
  });
});

describe("a token bucket", () => {
  it("allows a burst, then the rate, and counts the debt", () => {
    const bucket = new TokenBucket(10, 0);
    const take = (nowMs: number) => bucket.take(5, 10, nowMs);
    for (let n = 0; n < 10; n++) assert.ok(take(0) >= 0);
    assert.equal(take(0), -1);
    assert.equal(take(0), -2);
    assert.equal(take(1_000), 2);
    assert.equal(take(100_000), 9);
    assert.equal(take(50_000), 8);
  });
});
