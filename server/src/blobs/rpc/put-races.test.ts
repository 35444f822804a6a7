import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { createObjectIds } from "#blobs/objects/object-name.ts";
import { type Put, storeDelete, storePuts } from "#blobs/store-puts.ts";
import { checkBlobInvariants } from "#test/blob-invariants.ts";
import { type BlobUser, blobUser, codeOf, etagOfBytes, startBlobPod } from "#test/blob-pod.ts";
import { temporaryFileStore } from "#test/blob-stores.ts";
import { createTestDatabase } from "#test/database.ts";
import { onEachStore } from "#test/stores-under-test.ts";

const stores = await onEachStore(async (store) => {
  const { database } = await createTestDatabase();
  const config = { PARLEY_BLOB_QUOTA_BYTES: 100_000 };
  const pods = [
    await startBlobPod({ database, store, config }),
    await startBlobPod({ database, store, config }),
  ];
  return { database, store, pods };
});

for (const { name, database, store, pods } of stores) {
  const onBothPods = () => {
    const userId = randomUUID();
    return pods.map((pod) => blobUser(pod, userId)) as [BlobUser, BlobUser];
  };

  test(`${name}: readers see whole blobs only, whoever puts and deletes meanwhile`, async () => {
    const action = fc.oneof(
      fc.record({
        kind: fc.constant("put" as const),
        pod: fc.nat(1),
        key: fc.nat(1),
        size: fc.integer({ min: 0, max: 3_000 }),
      }),
      fc.record({ kind: fc.constant("delete" as const), pod: fc.nat(1), key: fc.nat(1) }),
      fc.record({ kind: fc.constant("get" as const), pod: fc.nat(1), key: fc.nat(1) }),
    );
    const run = fc.array(action, { minLength: 4, maxLength: 16 });
    await fc.assert(
      fc.asyncProperty(run, fc.scheduler(), async (actions, scheduler) => {
        const users = onBothPods();
        const written = new Map<string, Set<string>>();
        const doAction = async (given: (typeof actions)[number], nth: number) => {
          const user = users[given.pod]!;
          const key = `key-${given.key}`;
          if (given.kind === "delete") return void (await user.delete(key));
          if (given.kind === "get") return checkGet(user, key, written);
          const bytes = Buffer.alloc(given.size, nth);
          written.set(key, (written.get(key) ?? new Set()).add(etagOfBytes(bytes)));
          const half = given.size >> 1;
          await user.put(key, scheduled(scheduler, [bytes.subarray(0, half), bytes.subarray(half)]));
        };
        const all = Promise.all(actions.map(doAction));
        await scheduler.waitFor(all);
        await all;
        for (const key of ["key-0", "key-1"]) {
          const [here, there] = await Promise.all(users.map((user) => checkGet(user, key, written)));
          assert.equal(here, there);
        }
      }),
      { numRuns: 40 },
    );
    await checkBlobInvariants({ database, store });
  });

  /** Each chunk comes when the scheduler says. */
  async function* scheduled(scheduler: fc.Scheduler, chunks: Buffer[]) {
    for (const chunk of chunks) {
      await scheduler.schedule(Promise.resolve());
      yield chunk;
    }
  }

  /** The blob's tag; undefined when there is none. */
  async function checkGet(user: BlobUser, key: string, written: Map<string, Set<string>>) {
    const blob = await user.get(key).catch(async (error) => {
      assert.equal(await codeOf(Promise.reject(error)), "blob-not-found");
    });
    if (!blob) return undefined;
    assert.equal(blob.blob.etag, etagOfBytes(blob.bytes));
    assert.ok(written.get(key)?.has(blob.blob.etag), "bytes that nobody put");
    return blob.blob.etag;
  }

  test(`${name}: of many that create, one does`, async () => {
    const users = onBothPods();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, nth) =>
        codeOf(users[nth % 2]!.put("new", `by ${nth}`, { condition: { absent: true } })),
      ),
    );
    assert.equal(outcomes.filter((code) => code === undefined).length, 1);
    assert.equal(outcomes.filter((code) => code === "precondition-failed").length, 19);
    const winner = outcomes.indexOf(undefined);
    assert.equal((await users[0].get("new")).bytes.toString(), `by ${winner}`);
  });

  test(`${name}: no update is lost among those that compare and swap`, async () => {
    const users = onBothPods();
    await users[0].put("count", "0");
    const increment = async (user: BlobUser) => {
      for (;;) {
        const { blob, bytes } = await user.get("count");
        const next = String(Number(bytes.toString()) + 1);
        const code = await codeOf(user.put("count", next, { condition: { etags: [blob.etag] } }));
        if (code === undefined) return;
        assert.equal(code, "precondition-failed");
      }
    };
    const writers = Array.from({ length: 6 }, async (_, nth) => {
      for (let left = 5; left > 0; left--) await increment(users[nth % 2]!);
    });
    await Promise.all(writers);
    assert.equal((await users[1].get("count")).bytes.toString(), "30");
  });

  test(`${name}: puts at once keep to the quota`, async () => {
    const users = onBothPods();
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, nth) =>
        codeOf(users[nth % 2]!.put(`k${nth}`, Buffer.alloc(9_000, nth))),
      ),
    );
    assert.equal(outcomes.filter((code) => code === undefined).length, 11);
    assert.equal(outcomes.filter((code) => code === "quota-exceeded").length, 19);
    assert.equal((await users[0].usage()).used, 99_000);
    await checkBlobInvariants({ database, store });
  });

  test(`${name}: what a put replaces makes room for it`, async () => {
    const [user] = onBothPods();
    await user.put("a", Buffer.alloc(90_000));
    await user.put("b", Buffer.alloc(5_000));
    assert.equal(await codeOf(user.put("a", Buffer.alloc(95_000, 1))), undefined);
    assert.equal(await codeOf(user.put("b", Buffer.alloc(5_001))), "quota-exceeded");
    assert.equal((await user.usage()).used, 100_000);
  });
}

test("batches that overlap, on four connections, neither deadlock nor miscount", async () => {
  const { database } = await createTestDatabase();
  const store = await temporaryFileStore();
  await startBlobPod({ database, store });
  const owners = Array.from({ length: 4 }, () => randomUUID());
  const newId = createObjectIds({ now: Date.now });
  const pick = <T>(from: readonly T[]) => from[Math.floor(Math.random() * from.length)]!;
  const keys = ["a", "b", "c"].map((key) => Buffer.from(key));
  const put = (): Put => ({
    ownerId: pick(owners),
    key: pick(keys),
    object: {
      id: newId(),
      size: Math.floor(Math.random() * 100),
      sha256: Buffer.alloc(32, Math.random() * 256),
    },
    contentType: "a/b",
    metadata: undefined,
    condition: pick([{}, {}, { exists: false }]),
  });
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let left = 100; left > 0; left--) {
        await storePuts(database, Array.from({ length: 8 }, put), 250);
        if (left % 3 === 0)
          await storeDelete(database, { ownerId: pick(owners), key: pick(keys), match: undefined });
      }
    }),
  );
  const [row] = await database.query<{ wrong: number }>({
    name: "test.usage",
    text: `SELECT count(*) AS wrong FROM blobs.usage u WHERE bytes <> (
        SELECT coalesce(sum(o.size), 0) FROM blobs.keys k JOIN blobs.objects o ON o.id = k.object_id
        WHERE k.owner_id = u.owner_id)
      OR bytes > 250`,
  });
  assert.equal(row!.wrong, 0);
});

test("items of one key in a batch are applied in their order", async () => {
  const { database } = await createTestDatabase();
  await startBlobPod({ database, store: await temporaryFileStore() });
  const newId = createObjectIds({ now: Date.now });
  const ownerId = randomUUID();
  const hashOf = (byte: number) => Buffer.alloc(32, byte).toString("hex");
  const put = (byte: number, condition: Put["condition"], key = "a"): Put => ({
    ownerId,
    key: Buffer.from(key),
    object: { id: newId(), size: 10, sha256: Buffer.alloc(32, byte) },
    contentType: "a/b",
    metadata: undefined,
    condition,
  });
  const outcomes = await storePuts(
    database,
    [
      put(1, { exists: false }),
      put(9, {}, "b"),
      put(2, { exists: false }),
      put(3, { isOneOf: [hashOf(1)] }),
      put(4, { isNoneOf: [hashOf(3)] }),
      put(5, {}),
      put(6, {}, "c"),
    ],
    20,
  );
  const told = outcomes.map((outcome) => ("refusal" in outcome ? outcome.refusal : outcome.isCreated));
  const refused = "precondition-failed";
  assert.deepEqual(told, [true, true, refused, false, refused, false, "quota-exceeded"]);
});
