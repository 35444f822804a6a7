import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  bufferBytes,
  createPartWriter,
  type ObjectUpload,
  type PartBody,
} from "#blobs/stores/part-writer.ts";
import { toPublicError } from "#platform/errors.ts";
import { until } from "#test/until.ts";

const limits = { putBytes: 2 ** 32, streamedPartBytes: 2 ** 32, maxParts: 100, stallMs: 60_000 };
const never = new AbortController().signal;

async function bytesOf({ bytes }: PartBody): Promise<Buffer> {
  if (Buffer.isBuffer(bytes)) return Buffer.from(bytes);
  return Buffer.concat(await (bytes as Readable).toArray());
}

/** A store of one object that keeps what it is sent. */
function keeping() {
  const kept: { parts: Buffer[]; isWhole: boolean } = { parts: [], isWhole: false };
  const upload: ObjectUpload = {
    async put(body) {
      kept.parts.push(await bytesOf(body));
      kept.isWhole = true;
    },
    begin: async () => ({
      async part(_number, body) {
        kept.parts.push(await bytesOf(body));
      },
      async complete() {
        kept.isWhole = true;
      },
      async abort() {},
    }),
    async remove() {},
  };
  return { kept, upload };
}

async function* chunked(bytes: Buffer, chunkBytes: number) {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

/** Sends these bytes, and no more until it is told to end. */
function halting(bytes: Buffer) {
  const over = Promise.withResolvers<void>();
  const state = { isHalted: false, end: over.resolve };
  async function* chunks() {
    yield bytes;
    state.isHalted = true;
    await over.promise;
  }
  return { state, chunks: chunks() };
}

const write = (
  writer: ReturnType<typeof createPartWriter>,
  upload: ObjectUpload,
  bytes: AsyncIterable<Uint8Array>,
) => writer(upload, bytes, { size: undefined, signal: never }, (error) => error);

for (const size of [0, 1, 262_143, 262_144, 262_145, bufferBytes, bufferBytes + 1, 2 * bufferBytes + 7]) {
  test(`${size} bytes that were not announced are stored as they are`, async () => {
    const bytes = randomBytes(size);
    const { kept, upload } = keeping();
    await write(createPartWriter(limits), upload, chunked(bytes, 60_001));
    assert.ok(kept.isWhole);
    assert.ok(Buffer.concat(kept.parts).equals(bytes));
    assert.ok(kept.parts.slice(0, -1).every((part) => part.length === bufferBytes));
  });
}

test("senders of few bytes, or many, that halt hold up nobody who sends few", async () => {
  const writer = createPartWriter(limits);
  for (const size of [6, 300_000]) {
    const senders = Array.from({ length: 20 }, () => halting(randomBytes(size)));
    const slow = senders.map(({ chunks }) => write(writer, keeping().upload, chunks));
    await until("five have halted", () => senders.filter(({ state }) => state.isHalted).length >= 5);
    const { kept, upload } = keeping();
    const bytes = randomBytes(200_000);
    await write(writer, upload, chunked(bytes, 50_000));
    assert.ok(Buffer.concat(kept.parts).equals(bytes));
    for (const { state } of senders) state.end();
    await Promise.all(slow);
  }
});

test("who fills a buffer slowly makes room for those who wait for one", async () => {
  const writer = createPartWriter(limits, 50);
  const over = Promise.withResolvers<void>();
  async function* dripping() {
    yield randomBytes(300_000);
    for (let isOver = false; !isOver; ) {
      yield randomBytes(1);
      isOver = (await Promise.race([over.promise.then(() => "over"), sleep(20)])) === "over";
    }
  }
  const slow = Array.from({ length: 5 }, () =>
    write(writer, keeping().upload, dripping()).catch((error) => toPublicError(error).code),
  );
  const { kept, upload } = keeping();
  const bytes = randomBytes(bufferBytes + 1);
  await write(writer, upload, chunked(bytes, 60_001));
  assert.ok(Buffer.concat(kept.parts).equals(bytes));
  over.resolve();
  assert.ok((await Promise.all(slow)).includes("overloaded"));
});
