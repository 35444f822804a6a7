/**
 * A process that puts blobs, to be killed. Its argument is JSON: databaseUrl, folder (of the store), userId and fate, the
 * step at which it says "reached" and goes no further; or "busy": it puts and deletes, and says what was acknowledged.
 */
import { createFileStore } from "#blobs/stores/file-store.ts";
import { sweep } from "#blobs/sweep/sweep.ts";
import { createSweepMetrics } from "#blobs/sweep/sweep-metrics.ts";
import type { SweepOptions } from "#blobs/sweep/sweep-options.ts";
import { createDatabase, type Database } from "#platform/database.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { applicationName, type BlobProcessOptions } from "./blob-crash.ts";
import { blobConfig, blobUser, startBlobPod } from "./blob-pod.ts";
import { createFaultyStore } from "./blob-stores.ts";

const { databaseUrl, folder, userId, fate }: BlobProcessOptions = JSON.parse(process.argv[2]!);
const limits = { maxConnections: 5, acquireTimeoutMs: 5_000, statementTimeoutMs: 5_000 };
const log = createLog("silent");
const database = createDatabase({ connectionString: databaseUrl, applicationName, ...limits }, log);
const store = createFaultyStore(createFileStore(folder));
const clock = { now: Date.now };

const say = (message: unknown) => new Promise<void>((resolve) => process.send!(message, () => resolve()));

async function stopHere() {
  await say("reached");
  await new Promise(() => {});
}

function stoppingAfter(name: string): Database {
  return {
    ...database,
    async queryArrays(statement, values) {
      const rows = await database.queryArrays(statement, values);
      if (statement.name === name) await stopHere();
      return rows as never;
    },
  };
}

function stoppingBefore(name: string): Database {
  return {
    ...database,
    async query(statement, values) {
      if (statement.name === name) await stopHere();
      return database.query(statement, values) as never;
    },
  };
}

let chunks = 0;
const steps: Record<string, () => void> = {
  "mid-object": () => {
    store.faults.onWrittenChunk = async () => void (++chunks === 2 && (await stopHere()));
  },
  "before-row": () => {
    store.faults.onWritten = stopHere;
  },
  "half-deleted": () => {
    store.faults.onDelete = async (names) => {
      await createFileStore(folder).delete(names.slice(0, names.length >> 1));
      await stopHere();
    };
  },
};
steps[fate]?.();
const pod = await startBlobPod({
  database: fate === "before-answer" ? stoppingAfter("blobs.put-blobs") : database,
  store,
});
const user = blobUser(pod, userId);

if (fate === "half-deleted" || fate === "before-forget") {
  const options: SweepOptions = {
    config: blobConfig({ PARLEY_BLOB_GARBAGE_GRACE_MS: 0 }),
    database: fate === "before-forget" ? stoppingBefore("blobs.delete-garbage") : database,
    store,
    clock: { now: () => Date.now() + 60_000 },
    referrers: [],
    chores: [],
    metrics: createSweepMetrics(noTelemetry, clock),
    log,
  };
  await sweep(options, new AbortController().signal);
} else if (fate === "busy") {
  await Promise.all(Array.from({ length: 8 }, (_, nth) => putForEver(nth)));
} else {
  await user.put("key", [Buffer.from("af"), Buffer.from("ter")]);
}

async function putForEver(nth: number): Promise<never> {
  const key = `key-${nth}`;
  for (let count = 0; ; count++) {
    await user.put(key, `${nth} ${count}`);
    await say({ key, text: `${nth} ${count}` });
    if (count % 5 === 4) await user.put(`${key}-${count}`, "more");
  }
}
