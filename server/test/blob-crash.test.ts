import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createFileStore } from "#blobs/stores/file-store.ts";
import { sweep } from "#blobs/sweep/sweep.ts";
import { createSweepMetrics } from "#blobs/sweep/sweep-metrics.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { killedNow, killedWhenReached, startBlobProcess, untilForgotten } from "#test/blob-crash.ts";
import { checkBlobInvariants } from "#test/blob-invariants.ts";
import { blobConfig, blobUser, startBlobPod } from "#test/blob-pod.ts";
import { temporaryFolder } from "#test/blob-stores.ts";
import { createTestDatabase } from "#test/database.ts";
import { until } from "#test/until.ts";

async function start() {
  const { database, url: databaseUrl } = await createTestDatabase();
  const folder = await temporaryFolder();
  const store = createFileStore(folder);
  const user = blobUser(await startBlobPod({ database, store }), randomUUID());
  /** As it will be when all that may go is old enough. */
  const sweepLater = async () => {
    const clock = { now: () => Date.now() + 30 * 3_600_000 };
    const options = { config: blobConfig(), database, store, clock, referrers: [], chores: [] };
    const metrics = createSweepMetrics(noTelemetry, clock);
    await sweep({ ...options, metrics, log: createLog("silent") }, new AbortController().signal);
  };
  return { database, store, user, sweepLater, given: { databaseUrl, folder, userId: user.userId } };
}

const steps = [
  { fate: "mid-object", expected: "before" },
  { fate: "before-row", expected: "before" },
  { fate: "before-answer", expected: "after" },
] as const;

for (const { fate, expected } of steps) {
  test(`a put that is killed at "${fate}" is whole or was not`, async () => {
    const { database, store, user, sweepLater, given } = await start();
    await user.put("key", "before");
    await killedWhenReached(startBlobProcess({ ...given, fate }));
    await untilForgotten(database);
    assert.equal((await user.get("key")).bytes.toString(), expected);
    await checkBlobInvariants({ database, store }, { orphans: true });
    await sweepLater();
    assert.equal((await user.get("key")).bytes.toString(), expected);
    await checkBlobInvariants({ database, store });
  });
}

for (const fate of ["half-deleted", "before-forget"] as const) {
  test(`a sweep that is killed at "${fate}" is finished by the next one`, async () => {
    const { database, store, user, sweepLater, given } = await start();
    for (let nth = 0; nth < 6; nth++) await user.put("key", `version ${nth}`);
    await killedWhenReached(startBlobProcess({ ...given, fate }));
    await untilForgotten(database);
    await checkBlobInvariants({ database, store });
    await sweepLater();
    assert.equal((await user.get("key")).bytes.toString(), "version 5");
    await checkBlobInvariants({ database, store });
    const [row] = await database.query<{ rows: number }>({
      name: "test.rows",
      text: "SELECT (SELECT count(*) FROM blobs.garbage) * 100 + (SELECT count(*) FROM blobs.objects) AS rows",
    });
    assert.equal(row!.rows, 1);
  });
}

test("what was acknowledged is there after a kill at any moment", async () => {
  const { database, store, user, sweepLater, given } = await start();
  const acknowledged = new Map<string, number>();
  for (let round = 0; round < 3; round++) {
    const child = startBlobProcess({ ...given, fate: "busy" });
    acknowledged.clear();
    let count = 0;
    child.on("message", ({ key, text }: { key: string; text: string }) => {
      count += 1;
      acknowledged.set(key, Number(text.split(" ")[1]));
    });
    const enough = 20 + Math.floor(Math.random() * 40);
    await until(
      () => `${count} puts of ${enough}`,
      () => count >= enough,
    );
    await killedNow(child);
    await untilForgotten(database);
    for (const [key, version] of acknowledged) {
      const found = Number((await user.get(key)).bytes.toString().split(" ")[1]);
      // More may have been committed, of which the answer was lost.
      assert.ok(found >= version, `${key}: ${found} after ${version}`);
    }
    await checkBlobInvariants({ database, store }, { orphans: true });
  }
  await sweepLater();
  await checkBlobInvariants({ database, store });
});
