import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createFileStore } from "#blobs/stores/file-store.ts";
import { checkBlobInvariants } from "#test/blob-invariants.ts";
import { blobUser, codeOf, startBlobPod } from "#test/blob-pod.ts";
import { temporaryFolder } from "#test/blob-stores.ts";
import { createTestDatabase } from "#test/database.ts";
import { startDoomedPod } from "#test/doomed-blob-pod.ts";
import { until } from "#test/until.ts";

const { database, url: databaseUrl } = await createTestDatabase();

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

const steps = [
  { diesAt: "before blobs.put-blobs", isAcknowledged: false, isThere: false },
  { diesAt: "after blobs.put-blobs", isAcknowledged: false, isThere: true },
  { diesAt: "before write", isAcknowledged: true, isThere: true },
  { diesAt: "after write", isAcknowledged: true, isThere: true },
  { diesAt: "before blobs.spool.clear", isAcknowledged: true, isThere: true },
  { diesAt: "after blobs.spool.clear", isAcknowledged: true, isThere: true },
];

for (const { diesAt, isAcknowledged, isThere } of steps) {
  test(`kill -9 of a pod with a spool ${diesAt}: what was acknowledged is there, at once and in the store`, async () => {
    const [dataDir, storeFolder] = [await temporaryFolder(), await temporaryFolder()];
    const userId = randomUUID();
    const doomed = await startDoomedPod({ databaseUrl, dataDir, storeFolder, userId, diesAt });
    const answer = await doomed.call({ put: "fast/a", text: "hello" });
    // An answer may also be lost with the process that has just given it.
    if (!isAcknowledged) assert.equal(answer, undefined);
    await doomed.died;
    const store = createFileStore(storeFolder);
    const pod = await startBlobPod({
      database,
      store,
      dataDir,
      config: { PARLEY_BLOB_WRITE_BACK: ["fast/"] },
    });
    const user = blobUser(pod, userId);
    if (isThere) assert.equal((await user.get("fast/a")).bytes.toString(), "hello");
    else assert.equal(await codeOf(user.get("fast/a")), "blob-not-found");
    const text = "SELECT 1 FROM blobs.objects WHERE spooled_by IS NOT NULL";
    await until("nothing waits", async () => (await database.query({ name: "t.left", text })).length === 0);
    if (isThere) assert.equal((await user.get("fast/a")).bytes.toString(), "hello");
    const left = () => filesIn(join(dataDir, "spool", "objects"));
    // The file goes after the row says that the store has it. Of a put that got no row one is left until it is old.
    if (isThere) await until("the spool is empty", async () => (await left()).length === 0);
    else assert.equal((await left()).length, 1);
    await user.delete("fast/a");
    await database.query({ name: "t.users", text: "DELETE FROM blobs.usage WHERE blob_count = 0" });
    await pod.stop();
    await checkBlobInvariants({ database, store });
    await database.query({ name: "t.objects", text: "TRUNCATE blobs.objects, blobs.garbage" });
  });
}
