import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createObjects, partsOf } from "#blobs/objects/create-objects.ts";
import { createHotCache } from "#blobs/objects/hot-cache.ts";
import {
  createObjectIds,
  folderOf,
  objectName,
  timeOfFolder,
  timeOfObjectId,
} from "#blobs/objects/object-name.ts";
import type { StoredObject } from "#blobs/objects/objects.ts";
import type { Spool } from "#blobs/objects/spool.ts";
import { createLog } from "#platform/log.ts";
import { isUuid } from "#platform/uuid.ts";
import { codeOf } from "#test/blob-pod.ts";
import { createFaultyStore, temporaryFileStore } from "#test/blob-stores.ts";

const signal = new AbortController().signal;
const clock = { now: Date.now };
const log = createLog("silent");

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  let all = "";
  for await (const chunk of bytes) all += Buffer.from(chunk).toString();
  return all;
}

async function* bytesOf(text: string) {
  yield Buffer.from(text);
}

const asGiven = { size: undefined, maxBytes: 1_000, sha256: undefined, mayBeSpooled: false, signal };
const stored = (object: { id: string; size: number }): StoredObject => ({
  ...object,
  pieces: undefined,
  spooledBy: undefined,
});

test("ids are UUIDv7 that rise, whatever the clock does, and name the hour", () => {
  const times = fc.array(fc.integer({ min: 1_000_000_000_000, max: 4_000_000_000_000 }), { minLength: 1 });
  fc.assert(
    fc.property(times, (given) => {
      let nowMs = 0;
      const newId = createObjectIds({ now: () => nowMs });
      const ids = given.map((atMs) => {
        nowMs = atMs;
        return newId();
      });
      assert.ok(ids.every((id) => isUuid(id) && id[14] === "7" && /[89ab]/.test(id[19]!)));
      assert.deepEqual(ids, ids.toSorted());
      assert.equal(timeOfObjectId(ids[0]!), given[0]);
      const [folder, name] = objectName(ids[0]!).split("/");
      assert.equal(folder, new Date(given[0]!).toISOString().slice(0, 13));
      assert.equal(name, ids[0]);
    }),
  );
});

test("ten thousand ids of one millisecond are distinct and rise", () => {
  const newId = createObjectIds({ now: () => 1_700_000_000_000 });
  const ids = Array.from({ length: 10_000 }, newId);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(ids, ids.toSorted());
});

test("folders are hours, and nothing else is", () => {
  const atMs = Date.parse("2026-11-21T19:00:00Z");
  assert.equal(folderOf(atMs + 3_599_999), "2026-11-21T19/");
  assert.equal(timeOfFolder("2026-11-21T19/"), atMs);
  for (const folder of ["lost+found/", "2026-11-21T24/", "2026-11-21T19", "2026-02-30T00/"])
    assert.equal(timeOfFolder(folder), undefined, folder);
});

test("an object of pieces is read as one", async () => {
  const store = await temporaryFileStore();
  const objects = createObjects({
    store,
    cache: createHotCache(0),
    newObjectId: createObjectIds(clock),
    clock,
    log,
  });
  const given = fc.record({
    parts: fc.array(fc.string({ unit: "grapheme-ascii", maxLength: 6 }), { minLength: 1, maxLength: 5 }),
    from: fc.nat(30),
    to: fc.nat(30),
  });
  await fc.assert(
    fc.asyncProperty(given, async ({ parts, from, to }) => {
      const pieces = [];
      for (const part of parts) pieces.push(await objects.write(bytesOf(part), asGiven));
      const text = parts.join("");
      const offset = Math.min(from, text.length);
      const length = Math.min(to, text.length - offset);
      const object = { id: pieces[0]!.id, size: text.length, pieces, spooledBy: undefined };
      const read = await collect(objects.read(object, { offset, length }, signal));
      assert.equal(read, text.slice(offset, offset + length));
    }),
    { numRuns: 50 },
  );
});

test("a range asks for no piece that it has nothing of", () => {
  const pieces = [3, 0, 4].map((size, nth) => ({ id: `${nth}`, size }));
  const object = { id: "x", size: 7, pieces, spooledBy: undefined };
  assert.deepEqual([...partsOf(object, { offset: 3, length: 2 })], [{ id: "2", offset: 0, length: 2 }]);
});

test("small objects are read from the store once, as long as memory holds them", async () => {
  const store = createFaultyStore(await temporaryFileStore());
  const cache = createHotCache(64_000);
  const hits: boolean[] = [];
  const objects = createObjects({
    store,
    cache,
    onCacheRead: (isHit) => hits.push(isHit),
    newObjectId: createObjectIds(clock),
    clock,
    log,
  });
  const small = stored(await objects.write(bytesOf("small"), asGiven));
  assert.equal(await collect(objects.read(small, { offset: 1, length: 3 }, signal)), "mal");
  assert.equal(await collect(objects.read(small, { offset: 0, length: 5 }, signal)), "small");
  assert.deepEqual([store.faults.reads, hits], [1, [false, true]]);
  const large = stored(await objects.write(bytesOf("x".repeat(4_500)), { ...asGiven, maxBytes: 1e6 }));
  for (let nth = 0; nth < 2; nth++) await collect(objects.read(large, { offset: 0, length: 1 }, signal));
  assert.equal(store.faults.reads, 3);
});

test("the cache keeps to its bytes, and to what was used last", () => {
  const cache = createHotCache(40_000);
  for (let nth = 0; nth < 100; nth++) {
    cache.set(`${nth}`, Buffer.alloc(2_000));
    cache.get("0");
    assert.ok(cache.bytes <= 40_000);
  }
  assert.ok(cache.get("0") && cache.get("99"));
  assert.equal(cache.get("50"), undefined);
  assert.equal(createHotCache(0).takes(0), false);
});

test("reads that fail are not kept", async () => {
  const store = createFaultyStore(await temporaryFileStore());
  const objects = createObjects({
    store,
    cache: createHotCache(1_000_000),
    newObjectId: createObjectIds(clock),
    clock,
    log,
  });
  const object = stored(await objects.write(bytesOf("whole"), asGiven));
  const calm = store.faults.onReadChunk;
  store.faults.onReadChunk = () => Promise.reject(new Error("cut"));
  await assert.rejects(collect(objects.read(object, { offset: 0, length: 5 }, signal)), /cut/);
  store.faults.onReadChunk = calm;
  assert.equal(await collect(objects.read(object, { offset: 0, length: 5 }, signal)), "whole");
});

test("what may be spooled goes to the spool while that has room, and is read and discarded there", async () => {
  const [store, disk] = [createFaultyStore(await temporaryFileStore()), await temporaryFileStore()];
  let hasRoom = true;
  const spool: Spool = {
    podId: "pod-1",
    hasRoomFor: () => hasRoom,
    write: (name, bytes, options) => disk.write(name, bytes, options),
    read: ({ id }, range, readSignal) => disk.read(objectName(id), range, readSignal),
    discard: (name) => disk.delete([name]),
  };
  const objects = createObjects({
    store,
    spool,
    cache: createHotCache(0),
    newObjectId: createObjectIds(clock),
    clock,
    log,
  });
  const spooled = await objects.write(bytesOf("spooled"), { ...asGiven, mayBeSpooled: true });
  assert.deepEqual([spooled.spooledBy, store.faults.writes], ["pod-1", 0]);
  const object = { ...stored(spooled), spooledBy: "pod-1" };
  assert.equal(await collect(objects.read(object, { offset: 0, length: 7 }, signal)), "spooled");
  await objects.discard(spooled);
  assert.equal(await disk.sizeOf(objectName(spooled.id)), undefined);
  hasRoom = false;
  const straight = await objects.write(bytesOf("straight"), { ...asGiven, mayBeSpooled: true });
  assert.deepEqual([straight.spooledBy, store.faults.writes], [undefined, 1]);
  const without = createObjects({
    store,
    cache: createHotCache(0),
    newObjectId: createObjectIds(clock),
    clock,
    log,
  });
  assert.equal(
    await codeOf(collect(without.read(object, { offset: 0, length: 7 }, signal))),
    "blob-store-unavailable",
  );
});
