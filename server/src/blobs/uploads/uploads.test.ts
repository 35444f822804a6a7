import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { referredByUploads } from "#blobs/store-uploads.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { sweepUploads } from "#blobs/uploads/sweep-uploads.ts";
import { fault } from "#platform/errors.ts";
import { checkBlobInvariants } from "#test/blob-invariants.ts";
import { blobUser, codeOf, startBlobPod } from "#test/blob-pod.ts";
import { temporaryFileStore } from "#test/blob-stores.ts";
import { breakingOff, uploader } from "#test/blob-uploads.ts";
import { createTestDatabase } from "#test/database.ts";

const { database } = await createTestDatabase();
const store = await temporaryFileStore();
const config = { PARLEY_BLOB_QUOTA_BYTES: 10_000, PARLEY_BLOB_MAX_BYTES: 5_000 };
const pod = await startBlobPod({ database, store, config });
const other = await startBlobPod({ database, store, config });

const etag = (bytes: string | Uint8Array) => `"${createHash("sha256").update(bytes).digest("hex")}"`;
const never = new AbortController().signal;

function someone() {
  const user = blobUser(pod);
  return { user, tus: uploader(pod, user), elsewhere: uploader(other, user) };
}

async function namesInStore(): Promise<string[]> {
  const names: string[] = [];
  for await (const folder of store.folders()) {
    for await (const name of store.list(folder)) names.push(name);
  }
  return names.sort();
}

test("bytes that come in several appends, at several pods, are one blob in the end", async () => {
  const { user, tus, elsewhere } = someone();
  const { id, offset } = await tus.create({
    key: "a/b",
    size: 11,
    contentType: "text/plain",
    metadata: { by: "me" },
    givenMetadata: "filename YQ==",
  });
  assert.equal(offset, 0);
  assert.equal((await tus.append(id, 0, "hello")).offset, 5);
  const standing = await elsewhere.find(id);
  assert.deepEqual([standing.offset, standing.size, standing.givenMetadata], [5, 11, "filename YQ=="]);
  assert.equal(await codeOf(user.find("a/b")), "blob-not-found");
  const { offset: end, blob } = await elsewhere.append(id, 5, " world");
  assert.equal(end, 11);
  const found = await user.get("a/b");
  assert.equal(found.bytes.toString(), "hello world");
  assert.deepEqual(found.blob, blob!.blob);
  assert.equal(found.blob.etag, etag("hello world"));
  assert.deepEqual([found.blob.contentType, found.blob.metadata], ["text/plain", { by: "me" }]);
  assert.equal((await user.read(found.objectId, { offset: 3, length: 5 })).toString(), "lo wo");
  assert.equal((await user.usage()).used, 11);
});

test("however the bytes come, and wherever the line breaks, the blob is whole", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          chunks: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }),
          breaks: fc.boolean(),
        }),
        {
          maxLength: 6,
        },
      ),
      fc.boolean(),
      async (appends, isSizeKnown) => {
        const { user, tus } = someone();
        const whole = Buffer.concat(appends.flatMap(({ chunks }) => chunks));
        const { id } = await tus.create({ key: "k", ...(isSizeKnown ? { size: whole.length } : {}) });
        for (const { chunks, breaks } of appends) {
          const { offset, size } = await tus.find(id);
          if (offset === size) break;
          const sent = tus.append(id, offset, breaks ? breakingOff(...chunks) : chunks);
          const isLast = isSizeKnown && offset + Buffer.concat(chunks).length === whole.length;
          if (!breaks) await sent;
          else if (!isLast || Buffer.concat(chunks).length === 0)
            assert.equal(await codeOf(sent), "cancelled");
          else await sent.catch(() => {});
        }
        if (!isSizeKnown) await tus.append(id, whole.length, [], { size: whole.length });
        const { bytes, blob } = await user.get("k");
        assert.deepEqual(bytes, whole);
        assert.equal(blob.etag, etag(whole));
        assert.equal((await user.usage()).used, whole.length);
      },
    ),
    { numRuns: 40 },
  );
});

test("an upload of no bytes is a blob at once", async () => {
  const { user, tus } = someone();
  const { id } = await tus.create({ key: "empty", size: 0 });
  assert.equal((await user.get("empty")).bytes.length, 0);
  assert.equal((await tus.append(id, 0, [])).blob!.blob!.etag, etag(""));
});

test("of two appends at the same place one counts, and the other's bytes are gone", async () => {
  const { user, tus, elsewhere } = someone();
  const before = await namesInStore();
  const { id } = await tus.create({ key: "k", size: 6 });
  const outcomes = await Promise.all([
    codeOf(tus.append(id, 0, "aaa")),
    codeOf(elsewhere.append(id, 0, "bbb")),
  ]);
  assert.deepEqual(outcomes.filter(Boolean), ["upload-offset-mismatch"]);
  assert.equal((await namesInStore()).length - before.length, 1);
  await tus.append(id, 3, "ccc");
  assert.match((await user.get("k")).bytes.toString(), /^(aaa|bbb)ccc$/);
  const { size } = await tus.find(id);
  assert.equal(size, 6);
});

test("the last append at both pods at once makes one blob", async () => {
  const { user, tus, elsewhere } = someone();
  const { id } = await tus.create({ key: "k", size: 6 });
  await tus.append(id, 0, "aaa");
  const outcomes = await Promise.all([
    codeOf(tus.append(id, 3, "bbb")),
    codeOf(elsewhere.append(id, 3, "bbb")),
  ]);
  assert.ok(outcomes.includes(undefined), String(outcomes));
  assert.equal((await user.get("k")).bytes.toString(), "aaabbb");
  assert.equal((await user.usage()).used, 6);
});

test("who has not heard that the last append succeeded is told so", async () => {
  const { user, tus } = someone();
  const { id } = await tus.create({ key: "k", size: 4 });
  await tus.append(id, 0, "ab");
  const { blob } = await tus.append(id, 2, "cd");
  await user.put("k", "other");
  assert.deepEqual((await tus.append(id, 2, "cd")).blob, blob);
  assert.deepEqual((await tus.append(id, 4, [])).blob, blob);
  assert.equal((await tus.find(id)).offset, 4);
  assert.equal(await codeOf(tus.append(id, 1, "x")), "upload-offset-mismatch");
  assert.equal((await user.get("k")).bytes.toString(), "other");
});

test("more bytes than were announced are refused; what was there stays", async () => {
  const { tus } = someone();
  const before = await namesInStore();
  const { id } = await tus.create({ key: "k", size: 4 });
  await tus.append(id, 0, "ab");
  assert.equal(await codeOf(tus.append(id, 2, "cde")), "malformed-request");
  assert.equal(await codeOf(tus.append(id, 2, ["cd", "e"].map(Buffer.from))), "malformed-request");
  assert.equal((await tus.find(id)).offset, 2);
  assert.equal((await namesInStore()).length - before.length, 1);
});

test("limits are told before any bytes are taken, and hold when the size is not known", async () => {
  const { user, tus } = someone();
  assert.equal(await codeOf(tus.create({ key: "k", size: 5_001 })), "too-large");
  await tus.create({ key: "a", size: 5_000 });
  await tus.create({ key: "b", size: 4_990 });
  assert.equal((await user.usage()).used, 9_990);
  assert.equal(await codeOf(tus.create({ key: "c", size: 11 })), "quota-exceeded");
  assert.equal(await codeOf(user.put("d", "x".repeat(11))), "quota-exceeded");
  const { id } = await tus.create({ key: "c" });
  await tus.append(id, 0, "x".repeat(6));
  assert.equal(await codeOf(tus.append(id, 6, "x".repeat(6))), "quota-exceeded");
  assert.equal(await codeOf(tus.append(id, 6, [], { size: 11 })), "quota-exceeded");
  assert.equal(await codeOf(tus.append(id, 6, [], { size: 5_001 })), "too-large");
  assert.equal(await codeOf(tus.append(id, 6, [], { size: 5 })), "invalid-input");
  assert.equal((await tus.append(id, 6, [], { size: 6 })).blob!.blob!.size, 6);
  assert.equal((await user.usage()).used, 9_996);
  const rich = someone();
  const open = await rich.tus.create({ key: "k" });
  assert.equal(await codeOf(rich.tus.append(open.id, 0, "x".repeat(5_001))), "too-large");
});

test("nobody has more than a hundred unfinished ones", async () => {
  const { tus } = someone();
  for (let n = 0; n < 100; n++) await tus.create({ key: `${n}`, size: 1 });
  assert.equal(await codeOf(tus.create({ key: "k", size: 1 })), "quota-exceeded");
});

test("another user's upload does not exist", async () => {
  const { tus } = someone();
  const { tus: stranger } = someone();
  const { id } = await tus.create({ key: "k", size: 4 });
  assert.equal(await codeOf(stranger.find(id)), "upload-not-found");
  assert.equal(await codeOf(stranger.append(id, 0, "ab")), "upload-not-found");
  assert.equal(await codeOf(stranger.delete(id)), "upload-not-found");
  assert.equal(await codeOf(stranger.find("../etc")), "upload-not-found");
});

test("one that is deleted, or whose time is over, gives its bytes back and leaves them to the sweep", async () => {
  for (const how of ["deleted", "expired"]) {
    const { user, tus } = someone();
    const { id } = await tus.create({ key: "k", size: 40 });
    const before = await namesInStore();
    await tus.append(id, 0, "ab");
    const piece = (await namesInStore()).find((name) => !before.includes(name))!.slice(-36);
    assert.deepEqual(await referredByUploads(database, [piece]), [piece]);
    if (how === "deleted") await tus.delete(id);
    else {
      await expire(id);
      assert.equal(await codeOf(tus.append(id, 2, "cd")), "upload-not-found");
      await sweepUploads(database, never);
    }
    assert.equal(await codeOf(tus.find(id)), "upload-not-found");
    assert.equal((await user.usage()).used, 0);
    const garbage = await database.query<{ id: string }>(selectGarbage, [piece]);
    assert.equal(garbage.length, 1);
    assert.equal((await referredByUploads(database, [piece])).length, 0);
  }
});

test("that of a finished upload is over does nothing to its blob", async () => {
  const { user, tus } = someone();
  const { id } = await tus.create({ key: "k", size: 4 });
  await tus.append(id, 0, "ab");
  await tus.append(id, 2, "cd");
  await expire(id);
  await sweepUploads(database, never);
  assert.equal((await user.get("k")).bytes.toString(), "abcd");
  assert.equal((await user.usage()).used, 4);
});

test("one that is deleted in mid-append is not there any more, nor are the bytes", async () => {
  const { tus } = someone();
  const { id } = await tus.create({ key: "k", size: 4 });
  const before = await namesInStore();
  async function* deleting() {
    yield Buffer.from("ab");
    await tus.delete(id);
    yield Buffer.from("cd");
  }
  assert.equal(await codeOf(tus.append(id, 0, deleting())), "upload-not-found");
  assert.deepEqual(await namesInStore(), before);
});

test("a state of the hash that this version cannot read is made anew from the store", async () => {
  const { user, tus } = someone();
  const { id } = await tus.create({ key: "k", size: 200 });
  const bytes = randomBytes(200);
  await tus.append(id, 0, bytes.subarray(0, 90));
  await tus.append(id, 90, bytes.subarray(90, 100));
  await database.query(
    { name: "t.hash", text: "UPDATE blobs.uploads SET hash_state = '\\x00' WHERE id = $1" },
    [id],
  );
  await tus.append(id, 100, bytes.subarray(100));
  assert.equal((await user.get("k")).blob.etag, etag(bytes));
});

test("a store that is away refuses the append; what was there stays, and it goes on later", async () => {
  let isAway = false;
  const flaky: ObjectStore = {
    ...store,
    write: (name, bytes, options) =>
      isAway ? Promise.reject(fault("blob-store-unavailable")) : store.write(name, bytes, options),
  };
  const flakyPod = await startBlobPod({ database, store: flaky, config });
  const user = blobUser(flakyPod);
  const tus = uploader(flakyPod, user);
  const { id } = await tus.create({ key: "k", size: 4 });
  await tus.append(id, 0, "ab");
  isAway = true;
  assert.equal(await codeOf(tus.append(id, 2, "cd")), "blob-store-unavailable");
  isAway = false;
  await tus.append(id, 2, "cd");
  assert.equal((await user.get("k")).bytes.toString(), "abcd");
});

const selectGarbage = {
  name: "t.garbage",
  text: "SELECT object_id AS id FROM blobs.garbage WHERE object_id = $1",
};

test("rows, usage and the store agree", async () => {
  await checkBlobInvariants({ database, store });
});

async function expire(id: string) {
  const text = "UPDATE blobs.uploads SET expires_at = now() - interval '1 second' WHERE id = $1";
  await database.query({ name: "t.expire", text }, [id]);
}

test("a size that is said while bytes of another append are on their way leaves nothing counted too much", async () => {
  const { user, tus, elsewhere } = someone();
  const { id } = await tus.create({ key: "k" });
  const isSaid = Promise.withResolvers<void>();
  const hasBegun = Promise.withResolvers<void>();
  const slow = tus.append(
    id,
    0,
    (async function* () {
      yield Buffer.from("0123456789");
      hasBegun.resolve();
      await isSaid.promise;
    })(),
  );
  await hasBegun.promise;
  assert.equal((await elsewhere.append(id, 0, "", { size: 5 })).offset, 0);
  isSaid.resolve();
  assert.equal(await codeOf(slow), "upload-offset-mismatch");
  assert.equal((await user.usage()).used, 5);
  await elsewhere.append(id, 0, "abcde");
  assert.equal((await user.get("k")).bytes.toString(), "abcde");
  assert.equal((await user.usage()).used, 5);
});
