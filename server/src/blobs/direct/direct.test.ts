import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { DirectTransfers, ObjectStore } from "#blobs/stores/object-store.ts";
import { checkBlobInvariants } from "#test/blob-invariants.ts";
import { blobUser, codeOf, startBlobPod } from "#test/blob-pod.ts";
import { temporaryFileStore } from "#test/blob-stores.ts";
import { uploader } from "#test/blob-uploads.ts";
import { createTestDatabase } from "#test/database.ts";

const { database } = await createTestDatabase();
const files = await temporaryFileStore();
const sha256Of = (bytes: string) => createHash("sha256").update(bytes).digest("hex");
const never = new AbortController().signal;

/** A store whose "URLs" are names of objects; it tells SHA-256s only if it knows them. */
function directStore(knowsHashes: boolean): ObjectStore {
  const direct: DirectTransfers = {
    signUpload: async (name, { size }) => ({ url: name, headers: { "content-length": String(size) } }),
    signDownload: async (name, { contentType, contentDisposition }) =>
      `${name} ${contentType} ${contentDisposition}`,
    async sha256Of(name, signal = never) {
      if (!knowsHashes) return undefined;
      const size = (await files.sizeOf(name))!;
      const hash = createHash("sha256");
      for await (const chunk of await files.read(name, { offset: 0, length: size }, signal))
        hash.update(chunk);
      return hash.digest("hex");
    },
  };
  return { ...files, direct };
}

async function* bytesOf(text: string) {
  yield Buffer.from(text);
}

for (const knowsHashes of [true, false]) {
  const which = knowsHashes ? "that knows its objects' SHA-256" : "that knows no SHA-256";
  const pod = await startBlobPod({
    database,
    store: directStore(knowsHashes),
    config: { PARLEY_BLOB_QUOTA_BYTES: 100 },
  });
  const direct = (user: ReturnType<typeof blobUser>) => ({
    create: (key: string, bytes: string, size = bytes.length) =>
      pod.blobs.createDirectUpload({ key, size, sha256: sha256Of(bytes), contentType: "image/png" }, user),
    complete: (id: string) => pod.blobs.completeDirectUpload({ id }, user),
    link: (key: string) => pod.blobs.createDownloadLink({ key }, user),
    bring: (url: string, bytes: string) =>
      files.write(url, bytesOf(bytes), { size: bytes.length, signal: never }),
  });

  test(`bytes brought straight to a store ${which} are the key's once that is completed`, async () => {
    const user = blobUser(pod);
    const { create, complete, bring, link } = direct(user);
    const { id, url, headers } = await create("notes/a b.png", "hello");
    assert.equal(headers["content-length"], "5");
    assert.equal(await codeOf(complete(id)), "upload-incomplete");
    assert.equal((await user.usage()).used, 5);
    await bring(url, "hello");
    const { blob } = await complete(id);
    const name = 'filename="a b.png"';
    assert.ok((await link("notes/a b.png")).url.endsWith(` image/png attachment; ${name}`));
    const found = await user.get("notes/a b.png");
    assert.deepEqual([found.blob, found.bytes.toString()], [blob, "hello"]);
    await user.put("notes/a b.png", "other");
    assert.deepEqual((await complete(id)).blob, blob);
    assert.equal((await user.usage()).used, 5);
    assert.ok((await link("notes/a b.png")).url.endsWith(` application/octet-stream attachment; ${name}`));
    assert.equal(await codeOf(link("none")), "blob-not-found");
  });

  test(`completing twice at once on a store ${which} makes one blob`, async () => {
    const user = blobUser(pod);
    const { create, complete, bring } = direct(user);
    const { id, url } = await create("k", "hello");
    await bring(url, "hello");
    const [first, second] = await Promise.all([complete(id), complete(id)]);
    assert.deepEqual(first, second);
    assert.equal((await user.get("k")).bytes.toString(), "hello");
    assert.equal((await user.usage()).used, 5);
  });

  if (!knowsHashes) {
    test("who keeps the URL of a store that does not check cannot change the blob", async () => {
      const user = blobUser(pod);
      const { create, complete, bring } = direct(user);
      const { id, url } = await create("k", "hello");
      await bring(url, "hello");
      await complete(id);
      await bring(url, "jello");
      assert.equal((await user.get("k")).bytes.toString(), "hello");
    });
  }

  test(`bytes other than announced are refused by a store ${which}, and let go`, async () => {
    const user = blobUser(pod);
    const { create, complete, bring } = direct(user);
    for (const wrong of ["jello", "hello!"]) {
      const { id, url } = await create("k", "hello");
      await bring(url, wrong);
      assert.equal(await codeOf(complete(id)), "digest-mismatch");
      assert.equal(await codeOf(complete(id)), "upload-not-found");
      const select = { name: "t.garbage", text: "SELECT 1 FROM blobs.garbage WHERE object_id = $1" };
      assert.equal((await database.query(select, [url.slice(-36)])).length, 1);
    }
    assert.equal((await user.usage()).used, 0);
    assert.equal(await codeOf(user.find("k")), "blob-not-found");
  });

  test(`an upload to a store ${which} is given up by its owner alone, and its blob stays`, async () => {
    const user = blobUser(pod);
    const { create, complete, bring } = direct(user);
    const remove = (id: string, by = user) => pod.blobs.deleteDirectUpload({ id }, by);
    const { id, url } = await create("given-up", "hello");
    await bring(url, "hello");
    assert.equal(await codeOf(remove(id, blobUser(pod))), "upload-not-found");
    assert.equal((await user.usage()).used, 5);
    await remove(id);
    assert.equal((await user.usage()).used, 0);
    assert.equal(await codeOf(complete(id)), "upload-not-found");
    assert.equal(await codeOf(remove(id)), "upload-not-found");
    const resumable = await uploader(pod, user).create({ key: "k", size: 5 });
    assert.equal(await codeOf(remove(resumable.id)), "upload-not-found");

    const done = await create("done", "hello");
    await bring(done.url, "hello");
    await complete(done.id);
    await remove(done.id);
    assert.equal((await user.get("done")).bytes.toString(), "hello");
  });

  test(`limits and strangers are refused with a store ${which}`, async () => {
    const user = blobUser(pod);
    const { create } = direct(user);
    assert.equal(await codeOf(create("k", "hello", 101)), "quota-exceeded");
    assert.equal(await codeOf(create("k", "hello", 2 ** 40)), "too-large");
    const { id } = await create("k", "hello");
    assert.equal(await codeOf(direct(blobUser(pod)).complete(id)), "upload-not-found");
    assert.equal(await codeOf(uploader(pod, user).find(id)), "upload-not-found");
  });

  test(`a blob of several pieces has no link, with a store ${which}`, async () => {
    const user = blobUser(pod);
    const tus = uploader(pod, user);
    const { id } = await tus.create({ key: "k", size: 2 });
    await tus.append(id, 0, "a");
    await tus.append(id, 1, "b");
    assert.equal(await codeOf(direct(user).link("k")), "direct-transfer-unavailable");
    const { id: inOne } = await tus.create({ key: "one", size: 2, contentType: "text/html" });
    await tus.append(inOne, 0, "ab");
    assert.match(
      (await direct(user).link("one")).url,
      /application\/octet-stream attachment; filename="one"$/,
    );
  });
}

test("a store that clients cannot be sent to says so", async () => {
  const pod = await startBlobPod({ database, store: files });
  const user = blobUser(pod);
  const announced = { key: "k", size: 1, sha256: sha256Of("a") };
  assert.equal(await codeOf(pod.blobs.createDirectUpload(announced, user)), "direct-transfer-unavailable");
  assert.equal(await codeOf(pod.blobs.createDownloadLink({ key: "k" }, user)), "direct-transfer-unavailable");
});

test("rows, usage and the store agree", async () => {
  await checkBlobInvariants({ database, store: files }, { orphans: true });
});
