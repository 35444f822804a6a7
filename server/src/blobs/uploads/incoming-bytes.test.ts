import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createIncomingBytes } from "#blobs/uploads/incoming-bytes.ts";

const never = new AbortController().signal;
const endless = Number.POSITIVE_INFINITY;

async function* of(...chunks: string[]) {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

async function read(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

test("pieces of any size hold all bytes once, in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: "binary-ascii" })),
      fc.integer({ min: 1, max: 9 }),
      async (chunks, maxBytes) => {
        const bytes = createIncomingBytes(of(...chunks), { signal: never, idleMs: 10_000 });
        let all = "";
        while (await bytes.hasMore()) {
          const piece = await read(bytes.take({ maxBytes, untilMs: endless }));
          assert.ok(piece.length > 0 && piece.length <= maxBytes);
          all += piece;
        }
        assert.equal(all, chunks.join(""));
        assert.equal(bytes.failure, undefined);
        bytes.close();
      },
    ),
  );
});

test("a piece ends when its time is over, though the client says nothing; what comes later is the next one's", async () => {
  const later = Promise.withResolvers<void>();
  async function* halting() {
    yield Buffer.from("ab");
    await later.promise;
    yield Buffer.from("cd");
  }
  const bytes = createIncomingBytes(halting(), { signal: never, idleMs: 60_000 });
  assert.equal(await read(bytes.take({ maxBytes: 10, untilMs: performance.now() + 20 })), "ab");
  later.resolve();
  assert.equal(await bytes.hasMore(), true);
  assert.equal(await read(bytes.take({ maxBytes: 10, untilMs: endless })), "cd");
  bytes.close();
});

test("a stream that breaks off ends after what has come, and says why", async () => {
  async function* breaking() {
    yield Buffer.from("ab");
    throw new Error("gone");
  }
  const bytes = createIncomingBytes(breaking(), { signal: never, idleMs: 10_000 });
  assert.equal(await read(bytes.take({ maxBytes: 10, untilMs: endless })), "ab");
  assert.match(String(bytes.failure), /gone/);
  assert.equal(await bytes.hasMore(), false);
});

for (const [how, idleMs] of [
  ["goes away", 60_000],
  ["stalls", 20],
] as const) {
  test(`a client that ${how} in mid-stream is waited for no longer`, async () => {
    const gone = new AbortController();
    async function* hanging() {
      yield Buffer.from("ab");
      if (how === "goes away") gone.abort(new Error("gone"));
      await new Promise(() => {});
    }
    const bytes = createIncomingBytes(hanging(), { signal: gone.signal, idleMs });
    // The timer of a stalled client keeps no process running.
    const alive = setTimeout(() => {}, 5_000);
    assert.equal(await read(bytes.take({ maxBytes: 10, untilMs: endless })), "ab");
    assert.ok(bytes.failure);
    bytes.close();
    clearTimeout(alive);
  });
}

test("a piece that takes too long is cut", async () => {
  const bytes = createIncomingBytes(of("ab", "cd"), { signal: never, idleMs: 10_000 });
  assert.equal(await read(bytes.take({ maxBytes: 10, untilMs: 0 })), "");
  assert.equal(await bytes.hasMore(), true);
  bytes.close();
});
