/** What a store holds of transfers that are under way: all of them are stopped half-way, and what lives is measured. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { startAzureServer, withoutAzure } from "#test/azure-server.ts";
import {
  never,
  newObjectName,
  openTestAzureStore,
  openTestFileStore,
  openTestS3Store,
} from "#test/object-stores.ts";
import { startS3Server, withoutS3 } from "#test/s3-server.ts";
import { until } from "#test/until.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const transfers = 20;
const chunkBytes = 65_536;
const chunks = 160;
const size = chunkBytes * chunks;
const mib = 1_048_576;
/** Of 100 MiB that have passed by then. */
const limit = 48 * mib;
const options = { stallMs: 60_000 };

const s3 = withoutS3 ? undefined : await startS3Server();
const azure = withoutAzure ? undefined : await startAzureServer();

const all = { announced: transfers, unannounced: transfers };
/** As many as there are buffers; the others wait for one. */
const few = { announced: transfers, unannounced: 5 };

test("files", async () => holdsLittle((await openTestFileStore()).store, all));
test("S3", { skip: withoutS3 }, () => holdsLittle(openTestS3Store(s3!, options), few));
test("Azure", { skip: withoutAzure }, () => holdsLittle(openTestAzureStore(azure!, options), few));

async function holdsLittle(store: ObjectStore, underWay: typeof all) {
  const names = Array.from({ length: transfers }, () => newObjectName());
  for (const [announced, count] of [
    [undefined, underWay.unannounced],
    [size, underWay.announced],
  ]) {
    const stop = createStop();
    const writes = names.map((name) => store.write(name, halting(stop), { size: announced, signal: never }));
    await measureAt(stop, count!, Promise.all(writes));
  }
  const stop = createStop();
  await measureAt(stop, transfers, Promise.all(names.map((name) => drain(store, name, stop))));
  await store.delete(names);
}

function createStop() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { waiting: 0, over: promise, end: resolve };
}

type Stop = ReturnType<typeof createStop>;

/** As from a socket: each chunk is memory of its own. */
async function* halting(stop: Stop) {
  for (let at = 0; at < chunks; at++) {
    if (at === chunks / 2) await pass(stop);
    yield Buffer.alloc(chunkBytes, 7);
  }
}

async function drain(store: ObjectStore, name: string, stop: Stop) {
  let read = 0;
  for await (const chunk of await store.read(name, { offset: 0, length: size }, never)) {
    const before = read;
    read += chunk.byteLength;
    if (before < size / 2 && read >= size / 2) await pass(stop);
  }
  assert.equal(read, size);
}

async function pass(stop: Stop) {
  stop.waiting += 1;
  await stop.over;
}

async function measureAt(stop: Stop, count: number, work: Promise<unknown>) {
  // What the collector gives back it gives back a little later.
  let held = 0;
  const isLittle = () => {
    collectGarbage();
    held = process.memoryUsage().arrayBuffers;
    return held < limit;
  };
  await Promise.race([work, until("all are half-way", () => stop.waiting >= count, 60_000)]);
  await until(() => `${Math.round(held / mib)} MiB are held`, isLittle, 5_000);
  stop.end();
  await work;
}
