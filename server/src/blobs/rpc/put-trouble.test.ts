import assert from "node:assert/strict";
import { test } from "node:test";
import { objectName } from "#blobs/objects/object-name.ts";
import { fault } from "#platform/errors.ts";
import { checkBlobInvariants } from "#test/blob-invariants.ts";
import { blobUser, codeOf, startBlobPod } from "#test/blob-pod.ts";
import { createFaultyStore, temporaryFileStore } from "#test/blob-stores.ts";
import { createTestDatabase } from "#test/database.ts";
import { onEachStore } from "#test/stores-under-test.ts";

const stores = await onEachStore(async (opened) => {
  const { database } = await createTestDatabase();
  const store = createFaultyStore(opened);
  const config = { PARLEY_BLOB_TRANSFERS_MAX: 3, PARLEY_BLOB_CACHE_BYTES: 0 };
  return { database, store, pod: await startBlobPod({ database, store, config }) };
});

for (const { name, database, store, pod } of stores) {
  const calm = { ...store.faults };
  const chunk = Buffer.alloc(65_536, 7);
  const away = () => Promise.reject(fault("blob-store-unavailable", { retryAfterMs: 2_000 }));

  test(`${name}: a client that goes away in mid-put leaves nothing`, async () => {
    const user = blobUser(pod);
    await user.put("a", "before");
    const gone = new AbortController();
    async function* stalling() {
      yield chunk;
      gone.abort();
      await new Promise(() => {});
    }
    async function* breaking() {
      yield chunk;
      throw new Error("the connection was reset");
    }
    assert.equal(await codeOf(user.put("a", stalling(), {}, { signal: gone.signal })), "cancelled");
    assert.notEqual(await codeOf(user.put("a", breaking())), undefined);
    assert.equal((await user.get("a")).bytes.toString(), "before");
    await checkBlobInvariants({ database, store });
  });

  test(`${name}: a store that goes away in mid-put leaves the blob as it was`, async () => {
    const user = blobUser(pod);
    await user.put("a", "before");
    let chunks = 0;
    store.faults.onWrittenChunk = async () => void (++chunks > 2 && (await away()));
    assert.equal(await codeOf(user.put("a", [chunk, chunk, chunk, chunk])), "blob-store-unavailable");
    store.faults.onWrittenChunk = calm.onWrittenChunk;
    assert.equal((await user.get("a")).bytes.toString(), "before");
    await checkBlobInvariants({ database, store });
  });

  test(`${name}: an answer of the store that is lost leaves the blob as it was`, async () => {
    const user = blobUser(pod);
    store.faults.onWritten = away;
    assert.equal(await codeOf(user.put("lost", "after")), "blob-store-unavailable");
    store.faults.onWritten = calm.onWritten;
    assert.equal(await codeOf(user.find("lost")), "blob-not-found");
    await checkBlobInvariants({ database, store }, { orphans: true });
  });

  test(`${name}: a store that goes away in mid-get ends the reading with an error`, async () => {
    const user = blobUser(pod);
    const { objectId } = (
      await user.put(
        "large",
        Array.from({ length: 32 }, () => chunk),
      )
    ).blob!;
    let chunks = 0;
    store.faults.onReadChunk = async () => void (++chunks > 1 && (await away()));
    assert.equal(await codeOf(user.read(objectId)), "blob-store-unavailable");
    store.faults.onReadChunk = calm.onReadChunk;
    store.faults.onRead = away;
    assert.equal(await codeOf(user.read(objectId)), "blob-store-unavailable");
    store.faults.onRead = calm.onRead;
    assert.equal((await user.read(objectId)).length, 32 * chunk.length);
  });

  test(`${name}: bytes that are missing are an error, not an empty blob`, async () => {
    const user = blobUser(pod);
    const { objectId } = (await user.put("lost", "x")).blob!;
    await store.delete([objectName(objectId)]);
    assert.equal(await codeOf(user.read(objectId)), "internal");
    await user.delete("lost");
    assert.equal(await codeOf(user.read(objectId)), "blob-not-found");
  });

  test(`${name}: more transfers at once than may be are refused, and places come free again`, async () => {
    const user = blobUser(pod);
    const release = Promise.withResolvers<void>();
    async function* slow() {
      yield chunk;
      await release.promise;
    }
    const slowOnes = [0, 1, 2].map((nth) => user.put(`slow-${nth}`, slow()));
    assert.equal(await codeOf(user.put("more", "x")), "overloaded");
    const objectId = "0198b1f0-0000-7000-8000-000000000000";
    assert.equal(await codeOf(user.read(objectId)), "overloaded");
    release.resolve();
    await Promise.all(slowOnes);
    await user.put("more", "x");
    for (let nth = 0; nth < 5; nth++) assert.equal(await codeOf(user.read(objectId)), "blob-not-found");
    // A reader that goes away gives its place back as well.
    const large = (
      await user.put(
        "large",
        Array.from({ length: 32 }, () => chunk),
      )
    ).blob!;
    for (let nth = 0; nth < 5; nth++) {
      const gone = new AbortController();
      const options = { headers: user.headers, signal: gone.signal };
      for await (const _ of pod.internal.readObject({ objectId: large.objectId }, options)) break;
      gone.abort();
    }
    assert.equal((await user.get("more")).bytes.toString(), "x");
  });
}

test("a put of which nobody knows whether it was committed keeps its bytes", async () => {
  const { database } = await createTestDatabase();
  const store = await temporaryFileStore();
  let fail = false;
  const lossy: typeof database = {
    ...database,
    async queryArrays(statement, values) {
      const rows = await database.queryArrays(statement, values);
      if (fail && statement.name === "blobs.put-blobs") throw fault("unavailable");
      return rows as never;
    },
  };
  const pod = await startBlobPod({ database: lossy, store });
  const user = blobUser(pod);
  fail = true;
  assert.equal(await codeOf(user.put("a", "kept")), "unavailable");
  fail = false;
  assert.equal((await user.get("a")).bytes.toString(), "kept");
  await checkBlobInvariants({ database, store });
});
