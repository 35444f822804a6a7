/** Direct uploads, resumable ones and write-back on a real S3-speaking server. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { objectName } from "#blobs/objects/object-name.ts";
import { checkBlobInvariants } from "#test/blob-invariants.ts";
import { blobUser, codeOf, etagOfBytes, startBlobPod } from "#test/blob-pod.ts";
import { temporaryFolder } from "#test/blob-stores.ts";
import { breakingOff, uploader } from "#test/blob-uploads.ts";
import { createTestDatabase } from "#test/database.ts";
import { openTestS3Store } from "#test/object-stores.ts";
import { startS3Server, withoutS3 } from "#test/s3-server.ts";
import { until } from "#test/until.ts";

describe("blobs on S3", { skip: withoutS3 }, async () => {
  if (withoutS3) return;
  const { database } = await createTestDatabase();
  const server = await startS3Server();
  const store = openTestS3Store(server);
  const pod = await startBlobPod({
    database,
    store,
    dataDir: await temporaryFolder(),
    config: { PARLEY_BLOB_WRITE_BACK: ["fast/"], PARLEY_BLOB_SPOOL_URL: "http://one:1" },
  });
  const two = await startBlobPod({ database, store, toPod: () => pod.internal });
  const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  const announce = (key: string, bytes: Uint8Array, contentType = "image/png") =>
    ({ key, size: bytes.length, sha256: sha256Of(bytes), contentType }) as const;
  const bring = (url: string, bytes: Uint8Array, headers: Record<string, string>) =>
    fetch(url, { method: "PUT", body: Buffer.from(bytes), headers });

  test("a client brings bytes to the store itself, and takes them from there", async () => {
    const user = blobUser(pod);
    const bytes = randomBytes(300_000);
    const { id, url, headers } = await pod.blobs.createDirectUpload(announce("k", bytes), user);
    assert.equal(await codeOf(pod.blobs.completeDirectUpload({ id }, user)), "upload-incomplete");
    assert.equal((await bring(url, bytes, headers)).status, 200);
    const { blob } = await pod.blobs.completeDirectUpload({ id }, user);
    assert.equal(blob!.etag, etagOfBytes(bytes));
    assert.deepEqual((await user.get("k")).bytes, bytes);
    const link = await pod.blobs.createDownloadLink({ key: "k" }, user);
    const answer = await fetch(link.url);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes);
    assert.equal(answer.headers.get("content-type"), "image/png");
    assert.equal(answer.headers.get("content-disposition"), 'attachment; filename="k"');
  });

  test("its URL takes no other bytes, neither before nor after it is completed", async () => {
    const user = blobUser(pod);
    const bytes = randomBytes(1_000);
    const { id, url, headers } = await pod.blobs.createDirectUpload(announce("k", bytes), user);
    const others = [randomBytes(1_000), randomBytes(1_001), Buffer.alloc(0)];
    for (const other of others) {
      const own = { ...headers, "content-length": String(other.length) };
      assert.ok((await bring(url, other, own)).status >= 400);
      const checksum = createHash("sha256").update(other).digest("base64");
      assert.ok((await bring(url, other, { ...own, "x-amz-checksum-sha256": checksum })).status >= 400);
    }
    assert.equal(await codeOf(pod.blobs.completeDirectUpload({ id }, user)), "upload-incomplete");
    assert.equal((await bring(url, bytes, headers)).status, 200);
    await pod.blobs.completeDirectUpload({ id }, user);
    assert.ok((await bring(url, others[0]!, headers)).status >= 400);
    assert.deepEqual((await user.get("k")).bytes, bytes);
  });

  test("what a browser could run is sent as something that it cannot", async () => {
    const user = blobUser(pod);
    await user.put("page", "<script>", { contentType: "text/html" });
    const { url } = await pod.blobs.createDownloadLink({ key: "page" }, user);
    const { headers } = await fetch(url);
    assert.equal(headers.get("content-type"), "application/octet-stream");
  });

  test("an upload that breaks off goes on", async () => {
    const user = blobUser(pod);
    const tus = uploader(pod, user);
    const bytes = randomBytes(9_000_000);
    const { id } = await tus.create({ key: "k", size: bytes.length });
    const parts = Array.from({ length: 90 }, (_, n) => bytes.subarray(n * 100_000, (n + 1) * 100_000));
    assert.equal(await codeOf(tus.append(id, 0, breakingOff(...parts.slice(0, 85)))), "cancelled");
    assert.equal((await tus.find(id)).offset, 8_500_000);
    await tus.append(id, 8_500_000, parts.slice(85));
    assert.deepEqual((await user.get("k")).bytes, bytes);
  });

  test("with write-back, blobs are put and read while S3 is away, and are brought there when it is back", async () => {
    const user = blobUser(pod);
    await server.kill();
    const ids: string[] = [];
    for (let n = 0; n < 20; n++) {
      const { objectId } = (await user.put(`fast/${n}`, `${n}`, { size: `${n}`.length })).blob!;
      assert.equal((await blobUser(two, user.userId).read(objectId)).toString(), `${n}`);
      ids.push(objectId);
    }
    await server.start();
    const waiting = { name: "t.waiting", text: "SELECT 1 FROM blobs.objects WHERE spooled_by IS NOT NULL" };
    await until("nothing waits", async () => (await database.query(waiting)).length === 0);
    for (const [n, id] of ids.entries()) {
      assert.equal(await store.sizeOf(objectName(id)), `${n}`.length);
      assert.equal((await blobUser(two, user.userId).get(`fast/${n}`)).bytes.toString(), `${n}`);
    }
    await checkBlobInvariants({ database, store });
  });
});
