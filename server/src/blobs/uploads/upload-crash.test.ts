import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createFileStore } from "#blobs/stores/file-store.ts";
import { checkBlobInvariants } from "#test/blob-invariants.ts";
import { blobUser, etagOfBytes, startBlobPod } from "#test/blob-pod.ts";
import { temporaryFolder } from "#test/blob-stores.ts";
import { uploader } from "#test/blob-uploads.ts";
import { createTestDatabase } from "#test/database.ts";
import { startDoomedPod } from "#test/doomed-blob-pod.ts";

const { database, url: databaseUrl } = await createTestDatabase();
const storeFolder = await temporaryFolder();
const dataDir = await temporaryFolder();

const steps = [
  { diesAt: "before write" },
  { diesAt: "after write" },
  { diesAt: "before blobs.uploads.add-piece" },
  { diesAt: "after blobs.uploads.add-piece" },
];

for (const { diesAt } of steps) {
  test(`kill -9 of a pod ${diesAt} in an append: the upload goes on where it stood`, async () => {
    const userId = randomUUID();
    const store = createFileStore(storeFolder);
    const pod = await startBlobPod({ database, store });
    const user = blobUser(pod, userId);
    const tus = uploader(pod, user);
    const { id } = await tus.create({ key: "k", size: 10 });
    await tus.append(id, 0, "hello");
    const doomed = await startDoomedPod({ databaseUrl, dataDir, storeFolder, userId, diesAt });
    assert.equal(await doomed.call({ append: id, offset: 5, text: "world" }), undefined);
    assert.equal((await tus.find(id)).offset, 5);
    await tus.append(id, 5, "earth");
    const { bytes, blob } = await user.get("k");
    assert.equal(bytes.toString(), "helloearth");
    assert.equal(blob.etag, etagOfBytes("helloearth"));
    await checkBlobInvariants({ database, store }, { orphans: true });
  });
}

test("kill -9 of a pod before it answers to the last append: it is complete, and says so", async () => {
  const userId = randomUUID();
  const store = createFileStore(storeFolder);
  const pod = await startBlobPod({ database, store });
  const user = blobUser(pod, userId);
  const tus = uploader(pod, user);
  const { id } = await tus.create({ key: "k", size: 10 });
  await tus.append(id, 0, "hello");
  const doomed = await startDoomedPod({
    databaseUrl,
    dataDir,
    storeFolder,
    userId,
    diesAt: "after transaction",
  });
  assert.equal(await doomed.call({ append: id, offset: 5, text: "world" }), undefined);
  assert.equal((await tus.find(id)).offset, 10);
  assert.equal((await tus.append(id, 5, "world")).blob!.blob!.etag, etagOfBytes("helloworld"));
  assert.equal((await user.get("k")).bytes.toString(), "helloworld");
  await checkBlobInvariants({ database, store }, { orphans: true });
});
