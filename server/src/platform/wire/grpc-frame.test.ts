import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toPublicError } from "#platform/errors.ts";
import { readGrpcFrames, toGrpcFrame } from "#platform/wire/grpc-frame.ts";

const maxBytes = 1_000;

/** The body, cut at these places. */
async function* cut(body: Buffer, places: readonly number[]): AsyncGenerator<Buffer> {
  const sorted = [...places.map((place) => place % (body.length + 1)), 0, body.length].sort((a, b) => a - b);
  for (let i = 1; i < sorted.length; i++) yield body.subarray(sorted[i - 1], sorted[i]);
}

async function readAll(chunks: AsyncIterable<Buffer>): Promise<string[]> {
  const messages: string[] = [];
  for await (const message of readGrpcFrames(chunks, maxBytes))
    messages.push(Buffer.from(message).toString("hex"));
  return messages;
}

const messages = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 });
const places = fc.array(fc.nat(500), { maxLength: 30 });

test("messages are the same wherever their bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(messages, places, async (sent, cuts) => {
      const body = Buffer.concat(sent.map(toGrpcFrame));
      const expected = sent.map((message) => Buffer.from(message).toString("hex"));
      assert.deepEqual(await readAll(cut(body, cuts)), expected);
    }),
  );
});

test("a body that ends within a message is refused", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 50 }),
      fc.nat(),
      places,
      async (sent, end, cuts) => {
        const frame = toGrpcFrame(sent);
        const body = frame.subarray(0, 1 + (end % (frame.length - 1)));
        await assert.rejects(readAll(cut(body, cuts)), code("malformed-request"));
      },
    ),
  );
});

test("a message that is too large, or compressed, is refused by its first bytes", async () => {
  const endless = async function* (start: Buffer) {
    yield start;
    throw new Error("read on");
  };
  await assert.rejects(readAll(endless(Buffer.from([0, 0, 0, 3, 233, 1]))), code("too-large"));
  await assert.rejects(readAll(endless(Buffer.from([1, 0, 0, 0, 1, 1]))), code("route-not-found"));
});

const code = (expected: string) => (error: unknown) => toPublicError(error).code === expected;
