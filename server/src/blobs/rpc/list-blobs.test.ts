import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type BlobUser, blobUser, codeOf, startBlobPod } from "#test/blob-pod.ts";
import { temporaryFileStore } from "#test/blob-stores.ts";
import { createTestDatabase } from "#test/database.ts";

const { database } = await createTestDatabase();
const pod = await startBlobPod({ database, store: await temporaryFileStore() });

async function listAll(user: BlobUser, prefix: string, limit: number, between = async () => {}) {
  const keys: string[] = [];
  let cursor: string | undefined = "";
  while (cursor !== undefined) {
    const page: Awaited<ReturnType<BlobUser["list"]>> = await user.list({ prefix, limit, cursor });
    assert.ok(page.blobs.length <= limit);
    keys.push(...page.blobs.map(({ key }) => key));
    cursor = page.nextCursor;
    await between();
  }
  return keys;
}

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

test("keys with a prefix are listed in the order of their bytes, whatever the pages", async () => {
  const letters = fc.constantFrom("a", "b", "/", "\0", "é", "\u{10ffff}", "~");
  const key = fc.string({ unit: letters, minLength: 1, maxLength: 4 });
  const prefix = fc.string({ unit: letters, maxLength: 2 });
  const given = fc.record({
    keys: fc.uniqueArray(key, { maxLength: 12 }),
    prefix,
    limit: fc.integer({ min: 1, max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(given, async ({ keys, prefix, limit }) => {
      const user = blobUser(pod);
      await Promise.all(keys.map((key) => user.put(key, "x")));
      const expected = keys.filter((key) => key.startsWith(prefix)).sort(byBytes);
      assert.deepEqual(await listAll(user, prefix, limit), expected);
    }),
    { numRuns: 40 },
  );
});

test("what stays while pages are read is listed once", async () => {
  const user = blobUser(pod);
  const staying = Array.from({ length: 20 }, (_, nth) => `stays/${String(nth).padStart(2, "0")}`);
  for (const key of staying) await user.put(key, "x");
  let turn = 0;
  const listed = await listAll(user, "stays/", 3, async () => {
    turn += 1;
    await user.put(`stays/${String(turn * 2).padStart(2, "0")}+`, "new");
    if (turn > 1) await user.delete(`stays/${String((turn - 1) * 2).padStart(2, "0")}+`);
    await user.put(staying[0]!, "changed");
  });
  assert.deepEqual(
    listed.filter((key) => staying.includes(key)),
    staying,
  );
});

test("a page has 100 blobs when nothing is said, and 1,000 at the most", async () => {
  const user = blobUser(pod);
  await Promise.all(Array.from({ length: 101 }, (_, nth) => user.put(`k${nth}`, "x")));
  const { blobs, nextCursor } = await user.list();
  assert.deepEqual([blobs.length, nextCursor !== undefined], [100, true]);
  assert.equal((await user.list({ limit: 1_000 })).blobs.length, 101);
  assert.equal(await codeOf(user.list({ limit: 1_001 })), "invalid-input");
});

test("a cursor or prefix that is none is refused, and another's keys are not listed", async () => {
  const user = blobUser(pod);
  await blobUser(pod).put("a", "x");
  assert.deepEqual((await user.list()).blobs, []);
  assert.equal(await codeOf(user.list({ cursor: "no cursor!" })), "invalid-input");
  assert.equal(await codeOf(user.list({ prefix: "\udc00" })), "invalid-input");
});
