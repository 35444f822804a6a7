import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { objectName } from "#blobs/objects/object-name.ts";
import { findLostSpools } from "#blobs/store-doctor.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { fault } from "#platform/errors.ts";
import { type BlobPod, blobUser, codeOf, startBlobPod } from "#test/blob-pod.ts";
import { temporaryFileStore, temporaryFolder } from "#test/blob-stores.ts";
import { createTestDatabase } from "#test/database.ts";
import { until } from "#test/until.ts";

const { database } = await createTestDatabase();

/** A store that is away, or slow, when the test says so. */
async function remote() {
  const store = await temporaryFileStore();
  const state = {
    isAway: false,
    hold: undefined as Promise<void> | undefined,
    /** Once bytes have come, by the object's name. */
    isHeld: (_name: string): boolean => true,
    writes: 0,
  };
  const reach = () => {
    if (state.isAway) throw fault("blob-store-unavailable");
  };
  const faulty: ObjectStore = {
    ...store,
    async write(name, bytes, options) {
      reach();
      state.writes += 1;
      await store.write(name, bytes, options);
      if (state.isHeld(name)) await state.hold;
      reach();
    },
    async read(name, range, signal) {
      reach();
      return await store.read(name, range, signal);
    },
    async sizeOf(name, signal) {
      reach();
      return await store.sizeOf(name, signal);
    },
  };
  return { state, store, faulty };
}

const writeBack = { PARLEY_BLOB_WRITE_BACK: ["fast/"], PARLEY_BLOB_SPOOL_URL: "http://one:1" };

async function pods(config: Parameters<typeof startBlobPod>[0]["config"] = {}) {
  const { state, store, faulty } = await remote();
  const dataDir = await temporaryFolder();
  const lines: { cut: boolean } = { cut: false };
  let one: BlobPod | undefined;
  const options = { database, store: faulty, dataDir, config: { ...writeBack, ...config } };
  const restart = async () => {
    await one?.stop();
    one = await startBlobPod(options);
    return one;
  };
  const toPod = () => {
    if (lines.cut || !one) throw fault("unavailable");
    return one.internal;
  };
  const two = await startBlobPod({ database, store: faulty, toPod });
  return { one: await restart(), two, state, store, dataDir, lines, restart, options };
}

async function spooled(dataDir: string): Promise<string[]> {
  const entries = await readdir(join(dataDir, "spool", "objects"), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

const whereIs = async (id: string) => {
  const text = "SELECT spooled_by FROM blobs.objects WHERE id = $1";
  const [row] = await database.query<{ spooled_by: string | null }>({ name: "t.where", text }, [id]);
  return row?.spooled_by;
};

const size = (text: string) => ({ size: Buffer.byteLength(text) });

test("a blob is acknowledged and read on every pod while the store is away, and is brought there after", async () => {
  const { one, two, state, store, dataDir } = await pods();
  state.isAway = true;
  const user = blobUser(one);
  const elsewhere = blobUser(two, user.userId);
  const { blob } = await user.put("fast/a", "hello", size("hello"));
  const { objectId } = blob!;
  assert.equal(await codeOf(user.put("slow/a", "hello", size("hello"))), "blob-store-unavailable");
  assert.equal((await user.get("fast/a")).bytes.toString(), "hello");
  assert.equal((await elsewhere.get("fast/a")).bytes.toString(), "hello");
  assert.equal((await elsewhere.read(objectId, { offset: 1, length: 3 })).toString(), "ell");
  assert.equal((await spooled(dataDir)).length, 1);
  state.isAway = false;
  await until("it is in the store", async () => (await whereIs(objectId)) === null);
  await until("the spool is empty", async () => (await spooled(dataDir)).length === 0);
  assert.equal(await store.sizeOf(objectName(objectId)), 5);
  assert.equal((await user.get("fast/a")).bytes.toString(), "hello");
  assert.equal((await elsewhere.get("fast/a")).bytes.toString(), "hello");
});

test("whoever reads finds the bytes at every moment on their way to the store", async () => {
  const { one, two } = await pods();
  const user = blobUser(one);
  const elsewhere = blobUser(two, user.userId);
  for (let round = 0; round < 15; round++) {
    const text = `round ${round} ${"x".repeat(300_000)}`;
    const { objectId } = (await user.put("fast/a", text, size(text))).blob!;
    while ((await whereIs(objectId)) !== null) {
      assert.equal((await elsewhere.get("fast/a")).bytes.toString(), text);
      assert.equal((await user.get("fast/a")).bytes.toString(), text);
    }
    assert.equal((await elsewhere.get("fast/a")).bytes.toString(), text);
  }
});

test("a row that was read before the bytes moved still leads to them", async () => {
  const { one, two, state, dataDir } = await pods();
  state.isAway = true;
  const user = blobUser(one);
  const elsewhere = blobUser(two, user.userId);
  const { objectId } = (await user.put("fast/a", "hello", size("hello"))).blob!;
  // In the store, and gone from the spool, while the row says what it said before.
  const podId = await whereIs(objectId);
  state.isAway = false;
  await until("the spool is empty", async () => (await spooled(dataDir)).length === 0);
  const text = "UPDATE blobs.objects SET spooled_by = $2 WHERE id = $1";
  await database.query({ name: "t.stale", text }, [objectId, podId]);
  assert.equal((await user.read(objectId)).toString(), "hello");
  assert.equal((await elsewhere.read(objectId)).toString(), "hello");
});

test("while the pod that has the bytes is away, others say so; never anything else", async () => {
  const { one, two, state, lines, store, dataDir } = await pods();
  state.isAway = true;
  const user = blobUser(one);
  const elsewhere = blobUser(two, user.userId);
  const { objectId } = (await user.put("fast/a", "hello", size("hello"))).blob!;
  lines.cut = true;
  assert.equal(await codeOf(elsewhere.read(objectId)), "blob-store-unavailable");
  const [file] = await spooled(dataDir);
  const bytes = await readFile(join(dataDir, "spool", "objects", objectName(file!)));
  await store.write(
    objectName(objectId),
    (async function* () {
      yield bytes;
    })(),
    { size: 5, signal: AbortSignal.timeout(5_000) },
  );
  state.isAway = false;
  assert.equal(
    (await elsewhere.read(objectId)).toString(),
    "hello",
    "it had just brought them before it went",
  );
});

test("a pod that is started again owns its spool, and another process cannot", async () => {
  const { state, dataDir, restart, one, options } = await pods();
  state.isAway = true;
  const user = blobUser(one);
  const { objectId } = (await user.put("fast/a", "hello", size("hello"))).blob!;
  await assert.rejects(startBlobPod(options), /is using the data directory/);
  const again = await restart();
  assert.equal((await blobUser(again, user.userId).read(objectId)).toString(), "hello");
  state.isAway = false;
  await until("it is in the store", async () => (await whereIs(objectId)) === null);
  assert.deepEqual(await readdir(dataDir), ["spool"]);
});

test("stopping brings what is spooled to the store first", async () => {
  const { one, dataDir } = await pods();
  const user = blobUser(one);
  const puts = Array.from({ length: 20 }, (_, n) => user.put(`fast/${n}`, `${n}`, size(`${n}`)));
  const ids = (await Promise.all(puts)).map(({ blob }) => blob!.objectId);
  await one.stop();
  for (const id of ids) assert.equal(await whereIs(id), null);
  assert.deepEqual(await spooled(dataDir), []);
});

test("with a full backlog, or of a size that is not known, blobs go straight to the store", async () => {
  const { one, state } = await pods({ PARLEY_BLOB_SPOOL_MAX_BYTES: 8 });
  const user = blobUser(one);
  await user.put("fast/unknown", "hello");
  assert.equal(state.writes, 1);
  const held = Promise.withResolvers<void>();
  state.hold = held.promise;
  const first = (await user.put("fast/a", "hello", size("hello"))).blob!;
  state.isHeld = (name) => name === objectName(first.objectId);
  assert.notEqual(await whereIs(first.objectId), null);
  const second = (await user.put("fast/b", "hello", size("hello"))).blob!;
  assert.equal(await whereIs(second.objectId), null);
  held.resolve();
  await until("there is room again", async () => {
    const { objectId } = (await user.put("fast/c", "hello", size("hello"))).blob!;
    return (await whereIs(objectId)) !== null;
  });
});

test("what is replaced or deleted before it was brought to the store is let go", async () => {
  const { one, state, dataDir } = await pods();
  state.isAway = true;
  const user = blobUser(one);
  const before = state.writes;
  await user.put("fast/a", "hello", size("hello"));
  await user.put("fast/a", "world", size("world"));
  await user.delete("fast/a");
  assert.equal(
    await codeOf(user.put("fast/b", "x", { size: 1, condition: { present: true } })),
    "precondition-failed",
  );
  state.isAway = false;
  await until("the spool is empty", async () => (await spooled(dataDir)).length === 0);
  const text = "SELECT 1 FROM blobs.objects WHERE owner_id = $1 AND spooled_by IS NOT NULL";
  await until(
    "no row says otherwise",
    async () => (await database.query({ name: "t.left", text }, [user.userId])).length === 0,
  );
  assert.ok(state.writes - before <= 1);
});

test("a file whose bytes have changed is never brought to the store, nor one that is gone forgotten", async () => {
  const { one, state, dataDir, restart, store } = await pods();
  state.isAway = true;
  const user = blobUser(one);
  const spoilt = (await user.put("fast/a", "hello", size("hello"))).blob!.objectId;
  const missing = (await user.put("fast/b", "hello", size("hello"))).blob!.objectId;
  const fine = (await user.put("fast/c", "hello", size("hello"))).blob!.objectId;
  await one.stop();
  await writeFile(join(dataDir, "spool", "objects", objectName(spoilt)), "jello");
  await rm(join(dataDir, "spool", "objects", objectName(missing)));
  state.isAway = false;
  await restart();
  await until("the whole one is in the store", async () => (await whereIs(fine)) === null);
  assert.equal(await store.sizeOf(objectName(spoilt)), undefined);
  for (const id of [spoilt, missing]) assert.notEqual(await whereIs(id), null);
});

test("files that no row has come for are deleted when they are old enough", async () => {
  const { one, dataDir, restart } = await pods();
  await one.stop();
  const idAt = (atMs: number) => {
    const time = atMs.toString(16).padStart(12, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000001`;
  };
  const [old, young] = [idAt(Date.now() - 26 * 3_600_000), idAt(Date.now() - 3_600_000)];
  for (const id of [old, young]) {
    const path = join(dataDir, "spool", "objects", objectName(id));
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, "left");
  }
  await restart();
  assert.deepEqual(await spooled(dataDir), [young]);
});

test("a pod that is lost with its spool is named", async () => {
  const { one, state } = await pods();
  state.isAway = true;
  const user = blobUser(one);
  const { objectId } = (await user.put("fast/a", "hello", size("hello"))).blob!;
  const podId = await whereIs(objectId);
  const lost = async () => (await findLostSpools(database, 300_000)).filter(([id]) => id === podId);
  assert.deepEqual(await lost(), []);
  await one.stop();
  const text = "UPDATE blobs.spool_pods SET seen_at = now() - interval '6 minutes' WHERE pod_id = $1";
  await database.query({ name: "t.silent", text }, [podId]);
  const [spool] = await lost();
  assert.equal(spool![1], 1);
  state.isAway = false;
});
