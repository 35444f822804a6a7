import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { examine } from "#app/doctor-command.ts";
import { blobChecks } from "#blobs/doctor/blob-checks.ts";
import { bytesCheck } from "#blobs/doctor/bytes-check.ts";
import { createObjectIds, objectName } from "#blobs/objects/object-name.ts";
import { migrationsFolder } from "#blobs/service.ts";
import { createFileStore } from "#blobs/stores/file-store.ts";
import { createLog } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import { temporaryFolder } from "#test/blob-stores.ts";
import { createTestDatabase } from "#test/database.ts";

const { database } = await createTestDatabase();
await migrate(database, "blobs", migrationsFolder, createLog("silent"));
const sql = (text: string, ...values: unknown[]) =>
  database.withClient((client) => client.query(text, values));
const [owner, object, missing, podId] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];

async function wrong(mayRepair = false, checks = blobChecks): Promise<string[]> {
  const said: string[] = [];
  const { signal } = new AbortController();
  const say = (line: string) => void said.push(line);
  await examine({ checks, database, mayRepair, isDeep: true, signal, say, progress() {} });
  return said.filter((line) => line.startsWith("WRONG"));
}

test("adds up usage, and repairs it", async () => {
  await sql(
    "INSERT INTO blobs.objects (id, owner_id, size, sha256, is_counted, created_at) VALUES ($1, $2, 10, $3, true, now())",
    object,
    owner,
    Buffer.alloc(32),
  );
  const [said, ...others] = await wrong();
  assert.deepEqual(others, []);
  assert.match(said ?? "", new RegExp(`user ${owner}`));
  await wrong(true);
  assert.deepEqual(await wrong(), []);
  const { rows } = await sql("SELECT bytes, blob_count FROM blobs.usage WHERE owner_id = $1", owner);
  assert.deepEqual(rows, [{ bytes: 10, blob_count: 1 }]);
});

test("finds keys and attachments without bytes", async () => {
  const insertKey =
    "INSERT INTO blobs.keys (owner_id, key, object_id, content_type, updated_at) VALUES ($1, $2, $3, '', now())";
  await sql(insertKey, owner, "there", object);
  assert.deepEqual(await wrong(), []);
  await sql(insertKey, owner, "a secret name", missing);
  await sql(
    "INSERT INTO blobs.attachments (id, object_id, owner_id, content_type, created_at) VALUES ($1, $2, $3, '', now())",
    randomUUID(),
    missing,
    owner,
  );
  const said = await wrong();
  assert.equal(said.length, 2, said.join("\n"));
  assert.match(said[0] ?? "", new RegExp(`object ${missing} of user ${owner}`));
  assert.doesNotMatch(said.join(), /secret/);
  await sql("DELETE FROM blobs.keys WHERE object_id = $1", missing);
  await sql("DELETE FROM blobs.attachments");
});

test("names a pod that is gone with bytes on its disk", async () => {
  await sql("UPDATE blobs.objects SET spooled_by = $1", podId);
  const seen = (at: string) =>
    sql(
      `INSERT INTO blobs.spool_pods (pod_id, url, seen_at) VALUES ($1, '', ${at})
      ON CONFLICT (pod_id) DO UPDATE SET seen_at = excluded.seen_at`,
      podId,
    );
  await seen("now()");
  assert.deepEqual(await wrong(), []);
  await seen("now() - interval '1 hour'");
  const [said, ...others] = await wrong();
  assert.deepEqual(others, []);
  assert.match(said ?? "", new RegExp(`pod ${podId}, last seen .*: 1 objects`));
});

test("finds bytes that the store has lost, or has too few of", async () => {
  const store = createFileStore(await temporaryFolder());
  await store.check();
  const newId = createObjectIds({ now: Date.now });
  const ids = Array.from({ length: 5 }, newId) as [string, string, string, string, string];
  const [whole, lost, short, ofPieces, piece] = ids;
  const insert =
    "INSERT INTO blobs.objects (id, owner_id, size, sha256, pieces, piece_sizes, is_counted, created_at) VALUES ($1, $2, $3, $4, $5, $6, false, now())";
  await sql("DELETE FROM blobs.objects");
  for (const id of [whole, lost, short]) await sql(insert, id, owner, 3, Buffer.alloc(32), null, null);
  await sql(insert, ofPieces, owner, 6, Buffer.alloc(32), [whole, piece], [3, 3]);
  const write = (id: string, bytes: string) =>
    store.write(objectName(id), bytesOf(bytes), { size: bytes.length, signal: AbortSignal.timeout(10_000) });
  await write(whole, "abc");
  await write(short, "ab");
  const [said = ""] = await wrong(false, [bytesCheck(store)]);
  assert.match(said, /: 3 times not/);
  for (const [id, found] of [
    [lost, "no"],
    [short, "2"],
    [ofPieces, "no"],
  ]) {
    assert.match(said, new RegExp(`object ${id}: \\S+ has ${found} bytes instead of 3`));
  }
  await write(lost, "abc");
  await write(piece, "abc");
  await sql("INSERT INTO blobs.garbage (object_id) VALUES ($1)", short);
  assert.deepEqual(await wrong(false, [bytesCheck(store)]), []);
});

async function* bytesOf(text: string) {
  yield Buffer.from(text);
}
