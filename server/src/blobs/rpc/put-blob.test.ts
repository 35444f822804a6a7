import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { checkBlobInvariants } from "#test/blob-invariants.ts";
import { blobUser, codeOf, etagOfBytes, startBlobPod } from "#test/blob-pod.ts";
import { createFaultyStore } from "#test/blob-stores.ts";
import { createTestDatabase } from "#test/database.ts";
import { onEachStore } from "#test/stores-under-test.ts";

const stores = await onEachStore(async (opened) => {
  const { database } = await createTestDatabase();
  const store = createFaultyStore(opened);
  const config = { PARLEY_BLOB_MAX_BYTES: 1_000_000, PARLEY_BLOB_QUOTA_BYTES: 1_500_000 };
  const pod = await startBlobPod({ database, store, config });
  const other = await startBlobPod({ database, store });
  return { database, store, pod, other };
});

for (const { name, database, store, pod, other } of stores) {
  test(`${name}: what was put is found and read on every pod`, async () => {
    const user = blobUser(pod);
    const metadata = { "made-by": "me ✓" };
    const answer = await user.put("a", "hello", { contentType: 'text/plain; charset="utf-8"', metadata });
    assert.equal(answer.created, true);
    for (const reader of [user, blobUser(other, user.userId)]) {
      const { blob, bytes } = await reader.get("a");
      assert.equal(bytes.toString(), "hello");
      assert.equal(blob.size, 5);
      assert.equal(blob.etag, etagOfBytes("hello"));
      assert.equal(blob.contentType, 'text/plain; charset="utf-8"');
      assert.deepEqual(blob.metadata, metadata);
      assert.deepEqual(blob, answer.blob!.blob);
      assert.deepEqual(await reader.stat("a"), blob);
    }
  });

  test(`${name}: a put replaces all there was, and a delete ends it; what is kept is counted`, async () => {
    const user = blobUser(pod);
    await user.put("a", "first", { metadata: { a: "b" } });
    const again = await user.put("a", "second!");
    assert.equal(again.created, false);
    const { blob, bytes } = await user.get("a");
    assert.equal(bytes.toString(), "second!");
    assert.deepEqual([blob.metadata, blob.contentType], [{}, "application/octet-stream"]);
    const { used, quota, blobCount } = await user.usage();
    assert.deepEqual([used, quota, blobCount], [7, 1_500_000, 1]);
    await user.delete("a");
    assert.equal(await codeOf(user.find("a")), "blob-not-found");
    assert.equal(await codeOf(user.delete("a")), undefined);
    assert.equal((await user.usage()).used, 0);
  });

  test(`${name}: many chunks are one blob, and none are an empty one`, async () => {
    const user = blobUser(pod);
    const chunks = Array.from({ length: 50 }, () => randomBytes(10_007));
    await user.put("large", chunks);
    assert.deepEqual((await user.get("large")).bytes, Buffer.concat(chunks));
    await user.put("empty", []);
    const { blob, bytes } = await user.get("empty");
    assert.deepEqual([blob.size, bytes.length, blob.etag], [0, 0, etagOfBytes("")]);
  });

  test(`${name}: keys are any text, and each user's own`, async () => {
    const user = blobUser(pod);
    const keys = [
      "../../etc/passwd",
      "a/../b",
      "nul\0here",
      "/",
      ".",
      " ",
      "ü\u0308 💬",
      "%2F",
      "k".repeat(1_024),
    ];
    for (const key of keys) await user.put(key, `of ${key}`);
    for (const key of keys) assert.equal((await user.get(key)).bytes.toString(), `of ${key}`);
    assert.equal((await user.usage()).blobCount, keys.length);
    const stranger = blobUser(pod);
    assert.equal(await codeOf(stranger.find("/")), "blob-not-found");
    await stranger.delete("/");
    assert.equal((await user.get("/")).bytes.toString(), "of /");
    for (const key of ["", "k".repeat(1_025), "é".repeat(513), "lone \ud800"]) {
      assert.equal(await codeOf(user.put(key, "x")), "invalid-input", JSON.stringify(key));
      assert.equal(await codeOf(user.find(key)), "invalid-input");
    }
  });

  test(`${name}: what is no media type, or no metadata, is refused`, async () => {
    const user = blobUser(pod);
    const types = [
      "text",
      "text/",
      "a/b\r\nx: y",
      "text/plain; charset",
      `a/${"b".repeat(300)}`,
      "text/pläin",
    ];
    for (const contentType of types)
      assert.equal(await codeOf(user.put("a", "x", { contentType })), "invalid-input", contentType);
    const long = Object.fromEntries(Array.from({ length: 9 }, (_, nth) => [`n${nth}`, "x".repeat(1_000)]));
    const all = [
      { A: "b" },
      { "": "b" },
      { a: "line\nbreak" },
      { a: "nul\0" },
      { a: "x".repeat(1_025) },
      long,
    ];
    for (const metadata of all) assert.equal(await codeOf(user.put("a", "x", { metadata })), "invalid-input");
    assert.equal(await codeOf(user.find("a")), "blob-not-found");
  });

  test(`${name}: what is too large is refused, before it is read where that was said`, async () => {
    const user = blobUser(pod);
    let isRead = false;
    async function* unread() {
      isRead = true;
      yield Buffer.from("x");
    }
    const writesBefore = store.faults.writes;
    assert.equal(await codeOf(user.put("a", unread(), { size: 5 * 2 ** 30 })), "too-large");
    await user.put("half", Buffer.alloc(800_000));
    assert.equal(await codeOf(user.put("a", unread(), { size: 800_000 })), "quota-exceeded");
    const present = { absent: true };
    assert.equal(
      await codeOf(user.put("half", unread(), { size: 300_000, condition: present })),
      "precondition-failed",
    );
    assert.deepEqual([isRead, store.faults.writes], [false, writesBefore + 1]);
    assert.equal(await codeOf(user.put("a", [Buffer.alloc(600_000), Buffer.alloc(600_000)])), "too-large");
    assert.equal(await codeOf(user.put("a", [Buffer.alloc(800_000)])), "quota-exceeded");
    assert.equal(await codeOf(user.find("a")), "blob-not-found");
    assert.equal(await codeOf(user.put("half", Buffer.alloc(900_000))), undefined);
  });

  test(`${name}: a body of another length or digest than was said leaves nothing`, async () => {
    const user = blobUser(pod);
    const sha256 = createHash("sha256").update("right").digest();
    await user.put("a", "before");
    for (const size of [4, 6])
      assert.equal(await codeOf(user.put("a", "right", { size })), "malformed-request");
    assert.equal(await codeOf(user.put("a", "wrong", { sha256 })), "digest-mismatch");
    assert.equal(await codeOf(user.put("a", "right", { sha256: Buffer.alloc(31) })), "malformed-request");
    assert.equal(await codeOf(user.put("a", "right", { size: 1.5 })), "invalid-input");
    assert.equal((await user.get("a")).bytes.toString(), "before");
    await user.put("a", "right", { sha256, size: 5 });
    assert.equal((await user.get("a")).bytes.toString(), "right");
  });

  test(`${name}: conditions decide whether a put counts`, async () => {
    const user = blobUser(pod);
    const put = (bytes: string, condition: object) => codeOf(user.put("a", bytes, { condition }));
    const [one, two] = [etagOfBytes("one"), etagOfBytes("two")];
    assert.equal(await put("one", { present: true }), "precondition-failed");
    assert.equal(await put("one", { etags: [one] }), "precondition-failed");
    assert.equal(await put("one", { absent: true }), undefined);
    assert.equal(await put("two", { absent: true }), "precondition-failed");
    assert.equal(await put("two", { etags: [two] }), "precondition-failed");
    assert.equal(await put("two", { etags: [`W/${one}`] }), "precondition-failed");
    assert.equal(await put("two", { notEtags: [two, one] }), "precondition-failed");
    assert.equal(await put("two", { absent: true, present: true }), "precondition-failed");
    assert.equal((await user.get("a")).bytes.toString(), "one");
    assert.equal(await put("two", { etags: [two, one], present: true, notEtags: [two] }), undefined);
    assert.equal(await codeOf(user.delete("a", one)), "precondition-failed");
    assert.equal(await codeOf(user.delete("a", "*, no tag")), "precondition-failed");
    assert.equal(await codeOf(user.delete("a", two)), undefined);
    assert.equal(await codeOf(user.delete("a", "*")), "precondition-failed");
  });

  test(`${name}: parts of an object are read`, async () => {
    const user = blobUser(pod);
    for (const size of [1_000, 900_000]) {
      const bytes = randomBytes(size);
      const { objectId } = (await user.put("parts", bytes)).blob!;
      assert.deepEqual(await user.read(objectId, { offset: 10, length: 30 }), bytes.subarray(10, 40));
      assert.deepEqual(await user.read(objectId, { offset: size - 5 }), bytes.subarray(-5));
      assert.deepEqual(await user.read(objectId, { offset: size }), Buffer.alloc(0));
      for (const range of [{ offset: size + 1 }, { length: size + 1 }, { offset: -1 }, { offset: 0.5 }])
        assert.equal(await codeOf(user.read(objectId, range)), "range-not-satisfiable");
    }
    assert.equal(await codeOf(user.read("0198b1f0-0000-7000-8000-000000000000")), "blob-not-found");
  });

  test(`${name}: nothing is left of what was refused`, () => checkBlobInvariants({ database, store }));
}
