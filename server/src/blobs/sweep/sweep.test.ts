import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createObjectIds, objectName } from "#blobs/objects/object-name.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { probeFolder } from "#blobs/stores/store-names.ts";
import { sweep } from "#blobs/sweep/sweep.ts";
import { createSweepMetrics } from "#blobs/sweep/sweep-metrics.ts";
import type { FindReferred, SweepOptions } from "#blobs/sweep/sweep-options.ts";
import type { Database } from "#platform/database.ts";
import { fault } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { checkBlobInvariants } from "#test/blob-invariants.ts";
import { blobConfig, blobUser, codeOf, startBlobPod } from "#test/blob-pod.ts";
import { createFaultyStore } from "#test/blob-stores.ts";
import { createTestDatabase } from "#test/database.ts";
import { storesUnderTest } from "#test/stores-under-test.ts";

const hourMs = 3_600_000;
const graceMs = 600_000;
const never = new AbortController().signal;

for (const { name, open } of storesUnderTest) {
  const start = async () => {
    const { database } = await createTestDatabase();
    const store = createFaultyStore(await open());
    const clock = { nowMs: Date.now(), now: () => clock.nowMs };
    const pod = await startBlobPod({ database, store, clock, config: { PARLEY_BLOB_CACHE_BYTES: 0 } });
    const sweepNow = (more: Partial<SweepOptions> = {}) =>
      sweep(optionsOf(database, store, clock, more), never);
    return { database, store, clock, user: blobUser(pod), sweepNow };
  };

  test(`${name}: bytes that were replaced or deleted can be read until their grace is over`, async () => {
    const { database, store, clock, user, sweepNow } = await start();
    const first = (await user.put("a", "first")).blob!.objectId;
    const second = (await user.put("a", "second")).blob!.objectId;
    const deleted = (await user.put("b", "deleted")).blob!.objectId;
    await user.delete("b");
    await sweepNow();
    assert.equal((await user.read(first)).toString(), "first");
    assert.equal((await user.read(deleted)).toString(), "deleted");
    clock.nowMs += graceMs + hourMs;
    await sweepNow();
    for (const id of [first, deleted]) {
      assert.equal(await store.sizeOf(objectName(id)), undefined);
      assert.equal(await codeOf(user.read(id)), "blob-not-found");
    }
    assert.equal((await user.read(second)).toString(), "second");
    assert.equal(await countRows(database, "objects"), 1);
    assert.equal(await countRows(database, "garbage"), 0);
    await checkBlobInvariants({ database, store });
  });

  test(`${name}: garbage waits for a store that is away`, async () => {
    const { database, store, clock, user, sweepNow } = await start();
    await user.put("a", "first");
    await user.delete("a");
    clock.nowMs += graceMs + hourMs;
    const calm = store.faults.onDelete;
    store.faults.onDelete = () => Promise.reject(fault("blob-store-unavailable"));
    assert.equal(await codeOf(sweepNow()), "blob-store-unavailable");
    assert.equal(await countRows(database, "garbage"), 1);
    store.faults.onDelete = calm;
    await sweepNow();
    assert.equal(await countRows(database, "garbage"), 0);
    await checkBlobInvariants({ database, store });
  });

  test(`${name}: what no row knows is deleted when it is old, and nothing else is`, async () => {
    const { database, store, clock, user, sweepNow } = await start();
    const kept = (await user.put("kept", "kept")).blob!.objectId;
    const orphan = await writeOrphan(store, clock);
    const piece = await writeOrphan(store, clock);
    const ofOthers = await writeOrphan(store, clock);
    await database.query({
      name: "test.pieces",
      text: `UPDATE blobs.objects SET pieces = ARRAY['${kept}', '${piece}']::uuid[], piece_sizes = '{4,1}' WHERE id = '${kept}'`,
    });
    const referrers: FindReferred[] = [async (_, ids) => ids.filter((id) => id === ofOthers)];
    clock.nowMs += 24 * hourMs;
    await sweepNow({ referrers });
    assert.equal(await store.sizeOf(objectName(orphan)), 1, "it may be of a put that is under way");
    clock.nowMs += 2 * hourMs;
    await sweepNow({ referrers });
    assert.equal(await store.sizeOf(objectName(orphan)), undefined);
    for (const id of [kept, piece, ofOthers]) assert.ok(await store.sizeOf(objectName(id)), id);
  });

  test(`${name}: each hour is looked through once, also after a pause`, async () => {
    const { store, clock, user, sweepNow } = await start();
    const listed: string[] = [];
    const list: ObjectStore["list"] = (folder) => {
      listed.push(folder);
      return store.list(folder);
    };
    const noting: ObjectStore = { ...store, list };
    const hours = () => listed.splice(0).filter((folder) => !folder.startsWith("1970"));
    await user.put("a", "x");
    await sweepNow({ store: noting });
    clock.nowMs += 30 * hourMs;
    const orphan = await writeOrphan(store, clock);
    await sweepNow({ store: noting });
    assert.ok(hours().length >= 4);
    await sweepNow({ store: noting });
    assert.deepEqual(hours(), []);
    clock.nowMs += 26 * hourMs;
    await sweepNow({ store: noting });
    assert.equal(new Set(hours()).size, 26);
    assert.equal(await store.sizeOf(objectName(orphan)), undefined);
  });

  test(`${name}: a pod whose clock is an hour off loses nothing to the sweep`, async () => {
    for (const offMs of [-hourMs, hourMs]) {
      const { database, store, clock, sweepNow } = await start();
      const skewed = await startBlobPod({ database, store, clock: { now: () => clock.nowMs + offMs } });
      const user = blobUser(skewed);
      // A put that is under way for as long as one may be.
      const [begun, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const slow = user.put("slow", slowly(release.promise, begun.resolve));
      await begun.promise;
      await user.put("done", "done");
      clock.nowMs += 22.9 * hourMs;
      await sweepNow({ clock: { now: () => clock.nowMs - offMs } });
      release.resolve();
      await slow;
      clock.nowMs += 50 * hourMs;
      await sweepNow();
      assert.equal((await user.get("slow")).bytes.toString(), "slowly");
      assert.equal((await user.get("done")).bytes.toString(), "done");
      await checkBlobInvariants({ database, store });
    }
  });

  test(`${name}: a put that takes longer than the sweep waits is given up`, async () => {
    const { database, store, clock, user } = await start();
    const [begun, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow = codeOf(user.put("slow", slowly(release.promise, begun.resolve)));
    await begun.promise;
    await user.put("done", "done");
    clock.nowMs += 24 * hourMs;
    release.resolve();
    assert.equal(await slow, "timeout");
    await checkBlobInvariants({ database, store });
  });

  test(`${name}: a check of the store that was cut off is not taken for another database's mark`, async () => {
    const { store, clock, sweepNow } = await start();
    const left = `${probeFolder}${randomUUID()}`;
    await store.write(left, oneByte(), { size: 1, signal: never });
    const orphan = await writeOrphan(store, clock);
    clock.nowMs += 30 * hourMs;
    await sweepNow();
    assert.equal(await store.sizeOf(objectName(orphan)), undefined);
  });

  test(`${name}: a store of another database is left alone`, async () => {
    const [ours, others] = [await start(), await start()];
    const orphan = await writeOrphan(ours.store, ours.clock);
    for (const { clock } of [ours, others]) clock.nowMs += 30 * hourMs;
    const { objectId } = (await ours.user.put("a", "x")).blob!;
    await ours.sweepNow();
    assert.equal(await ours.store.sizeOf(objectName(orphan)), undefined);
    const later = await writeOrphan(ours.store, ours.clock);
    for (const { clock } of [ours, others]) clock.nowMs += 30 * hourMs;
    await others.sweepNow({ store: ours.store });
    assert.equal(await ours.store.sizeOf(objectName(later)), 1);
    assert.equal((await ours.user.read(objectId)).toString(), "x");
    await ours.sweepNow();
    assert.equal(await ours.store.sizeOf(objectName(later)), undefined);
  });
}

function optionsOf(
  database: Database,
  store: ObjectStore,
  clock: { now(): number },
  more: Partial<SweepOptions>,
): SweepOptions {
  return {
    config: blobConfig({ PARLEY_BLOB_GARBAGE_GRACE_MS: graceMs }),
    database,
    store,
    clock,
    referrers: [],
    chores: [],
    metrics: createSweepMetrics(noTelemetry, clock),
    log: createLog("silent"),
    ...more,
  };
}

async function writeOrphan(store: ObjectStore, clock: { now(): number }): Promise<string> {
  const id = createObjectIds(clock)();
  await store.write(objectName(id), oneByte(), { size: 1, signal: never });
  return id;
}

async function* slowly(released: Promise<void>, onBegin: () => void) {
  yield Buffer.from("slow");
  // Whoever asks for more has begun to write.
  onBegin();
  await released;
  yield Buffer.from("ly");
}

async function* oneByte() {
  yield Buffer.from("x");
}

async function countRows(database: Database, table: "objects" | "garbage"): Promise<number> {
  const [row] = await database.query<{ count: number }>({
    name: `test.count-${table}`,
    text: `SELECT count(*) AS count FROM blobs.${table}`,
  });
  return row!.count;
}
