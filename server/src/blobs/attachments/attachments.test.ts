import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, test } from "node:test";
import { toPublicError } from "#platform/errors.ts";
import { checkBlobInvariants } from "#test/blob-invariants.ts";
import { blobUser, startBlobPod } from "#test/blob-pod.ts";
import { temporaryFileStore } from "#test/blob-stores.ts";
import { createTestDatabase } from "#test/database.ts";
import { hugeGif, picture } from "#test/pictures.ts";
import { until } from "#test/until.ts";

const { database } = await createTestDatabase();
const store = await temporaryFileStore();
const pod = await startBlobPod({ database, store });
const { internal } = pod;

afterEach(() => checkBlobInvariants({ database, store }));

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "fine",
    (error) => toPublicError(error).code,
  );

async function attach(ownerId: string, key: string, attachmentId: string = randomUUID()) {
  const { blobs } = await internal.attachBlobs({ blobs: [{ attachmentId, ownerId, key }] });
  return { attachmentId, ...blobs[0]! };
}

const release = (...attachmentIds: string[]) => internal.releaseAttachments({ attachmentIds });
const countOf = async (table: string) => {
  const statement = { name: `test.count-${table}`, text: `SELECT count(*) AS count FROM blobs.${table}` };
  const [row] = await database.query<{ count: number }>(statement);
  return row!.count;
};
const isGarbage = async (id: string) => {
  const statement = { name: "test.is-garbage", text: "SELECT FROM blobs.garbage WHERE object_id = $1" };
  return (await database.query(statement, [id])).length === 1;
};

test("what is attached stays as it was, whatever becomes of the key, until it is released", async () => {
  const anna = blobUser(pod);
  await anna.put("photo", "before", { contentType: "image/png" });
  const { blob } = await anna.get("photo");
  const held = await attach(anna.userId, "photo");
  assert.deepEqual([held.errorCode, held.size, held.contentType, held.etag], ["", 6, "image/png", blob.etag]);
  await anna.put("photo", "something else");
  assert.equal((await anna.read(held.objectId)).toString(), "before");
  assert.equal((await anna.usage()).used, 6 + 14);
  await anna.delete("photo");
  assert.equal((await anna.usage()).used, 6);
  assert.deepEqual(await attach(anna.userId, "photo", held.attachmentId), held);
  await release(held.attachmentId);
  assert.equal((await anna.usage()).used, 0);
  assert.ok(await isGarbage(held.objectId));
  await release(held.attachmentId);
  assert.equal((await anna.usage()).used, 0);
});

test("the first put of a user waits for an attach that is looking at their keys", async () => {
  const anna = blobUser(pod);
  const waiting = {
    name: "test.waiting",
    text: "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
  };
  await database.withClient(async (client) => {
    await client.query("BEGIN");
    const attaching = [[randomUUID()], [anna.userId], [Buffer.from("photo")]];
    await client.query("SELECT FROM blobs.attach_blobs($1::uuid[], $2::uuid[], $3::bytea[])", attaching);
    const put = anna.put("photo", "bytes");
    await until("the put waits", async () => (await database.query(waiting)).length > 0);
    await client.query("COMMIT");
    await put;
  });
});

test("an object is let go with the last that refers to it, be it a key or an attachment", async () => {
  const anna = blobUser(pod);
  await anna.put("a", "bytes");
  const first = await attach(anna.userId, "a");
  const second = await attach(anna.userId, "a");
  assert.equal((await anna.usage()).used, 5);
  await release(first.attachmentId, randomUUID(), "no id");
  assert.ok(!(await isGarbage(second.objectId)));
  await anna.delete("a");
  assert.ok(!(await isGarbage(second.objectId)));
  await release(second.attachmentId);
  assert.ok(await isGarbage(second.objectId));
});

test("only the owner's own blobs are attached; each is answered for itself", async () => {
  const anna = blobUser(pod);
  const bob = blobUser(pod);
  await anna.put("hers", "a");
  await bob.put("his", "b");
  const ask = (ownerId: string, key: string) => ({ attachmentId: randomUUID(), ownerId, key });
  const blobs = [ask(anna.userId, "hers"), ask(anna.userId, "his"), ask(bob.userId, "his")];
  const answer = await internal.attachBlobs({ blobs });
  assert.deepEqual(
    answer.blobs.map(({ errorCode }) => errorCode),
    ["", "blob-not-found", ""],
  );
  assert.equal((await attach(bob.userId, "his", blobs[0]!.attachmentId)).errorCode, "blob-not-found");
  assert.equal(await codeOf(attach("nobody", "his")), "invalid-input");
  assert.equal(await codeOf(attach(bob.userId, "")), "invalid-input");
});

test("attaching, replacing and deleting at once leave nothing held that nobody refers to, and nothing let go that somebody does", async () => {
  const anna = blobUser(pod);
  for (let round = 0; round < 15; round++) {
    await anna.put("busy", `round ${round}`);
    const attaching = Array.from({ length: 4 }, () => attach(anna.userId, "busy"));
    const others = [anna.put("busy", `again ${round}`), anna.delete("busy"), anna.put("busy", "at last")];
    const held = await Promise.all(attaching);
    await Promise.all(others);
    const there = held.filter(({ errorCode }) => errorCode === "");
    for (const { objectId, size } of there) {
      assert.ok(!(await isGarbage(objectId)));
      assert.equal((await anna.read(objectId)).length, size);
    }
    await Promise.all(there.map(({ attachmentId }) => release(attachmentId)));
    await anna.delete("busy");
    for (const { objectId } of there) assert.ok(await isGarbage(objectId));
    assert.equal((await anna.usage()).used, 0);
  }
});

test("a picture is looked at once; its thumbnail is not counted, and goes with it", async () => {
  const anna = blobUser(pod);
  const bytes = await picture("jpeg", 1_000, 2_000);
  await anna.put("photo", bytes);
  const { attachmentId, objectId } = await attach(anna.userId, "photo");
  const [first, second] = await Promise.all([
    internal.prepareAttachment({ attachmentId }),
    internal.prepareAttachment({ attachmentId }),
  ]);
  assert.deepEqual([first.width, first.height, first.thumbnail?.contentType], [1_000, 2_000, "image/webp"]);
  assert.deepEqual(first, second);
  const thumbnail = await anna.read(first.thumbnail!.objectId);
  assert.equal(thumbnail.length, first.thumbnail!.size);
  assert.equal((await anna.usage()).used, bytes.length);
  await anna.delete("photo");
  await release(attachmentId);
  assert.ok(await isGarbage(objectId));
  assert.ok(await isGarbage(first.thumbnail!.objectId));
  assert.equal((await anna.usage()).used, 0);
  assert.equal(await codeOf(internal.prepareAttachment({ attachmentId })), "attachment-not-found");
});

test("what is no picture is prepared as well, and not tried again", async () => {
  const anna = blobUser(pod);
  const before = await countOf("objects");
  for (const bytes of [hugeGif(), Buffer.from("<svg/>"), Buffer.alloc(0)]) {
    await anna.put("file", bytes, { contentType: "image/png" });
    const { attachmentId } = await attach(anna.userId, "file");
    for (const _ of "twice") {
      const { width, height, thumbnail } = await internal.prepareAttachment({ attachmentId });
      assert.deepEqual([width, height, thumbnail], [0, 0, undefined]);
    }
  }
  assert.equal(await countOf("objects"), before + 3);
  assert.equal(
    await codeOf(internal.prepareAttachment({ attachmentId: randomUUID() })),
    "attachment-not-found",
  );
});

test("a picture larger than allowed is not looked at", async () => {
  const strict = await startBlobPod({ database, store, config: { PARLEY_PICTURE_MAX_BYTES: 1_000 } });
  const anna = blobUser(strict);
  await anna.put("photo", await picture("png", 2_000, 2_000));
  const { attachmentId } = await attach(anna.userId, "photo");
  assert.equal((await strict.internal.prepareAttachment({ attachmentId })).width, 0);
});
