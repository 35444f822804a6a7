import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { toPublicError } from "#platform/errors.ts";
import { blobUser, startBlobPod, temporaryFileStore } from "#test/blob-pod.ts";
import { createTestDatabase } from "#test/database.ts";

const { database } = await createTestDatabase();
const store = await temporaryFileStore();
const pod = await startBlobPod({ database, store });

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "fine",
    (error) => toPublicError(error).code,
  );
const etag = (bytes: string | Uint8Array) => `"${createHash("sha256").update(bytes).digest("hex")}"`;

test("what was put is found and read", async () => {
  const user = blobUser(pod);
  const answer = await user.put("a", "hello", { contentType: "text/plain", metadata: { "made-by": "me ✓" } });
  assert.equal(answer.created, true);
  const { blob, bytes } = await user.get("a");
  assert.equal(bytes.toString(), "hello");
  assert.equal(blob.size, 5);
  assert.equal(blob.etag, etag("hello"));
  assert.equal(blob.contentType, "text/plain");
  assert.deepEqual(blob.metadata, { "made-by": "me ✓" });
  assert.deepEqual(blob, answer.blob!.blob);
  assert.deepEqual(await user.stat("a"), blob);
  assert.equal((await user.usage()).used, 5);
  const again = await user.put("a", "hello you");
  assert.equal(again.created, false);
  assert.equal((await user.get("a")).bytes.toString(), "hello you");
  assert.equal((await user.usage()).used, 9);
  await user.delete("a");
  assert.equal(await codeOf(user.get("a")), "blob-not-found");
  await user.delete("a");
  assert.equal((await user.usage()).used, 0);
});
