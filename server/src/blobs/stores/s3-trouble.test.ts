/** S3 that is busy, slow, away or gone in the middle of something; a real server, with a network of bad manners before it. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { afterEach, test } from "node:test";
import { createPartWriter } from "#blobs/stores/part-writer.ts";
import { createS3Client } from "#blobs/stores/s3/s3-client.ts";
import { createS3Upload } from "#blobs/stores/s3/s3-upload.ts";
import { toPublicError } from "#platform/errors.ts";
import { type FaultyHttp, startFaultyHttp } from "#test/faulty-http.ts";
import {
  bytesOf,
  collect,
  digestOf,
  namesOf,
  never,
  newObjectName,
  openTestS3Store,
  testFolder,
  testS3Location,
} from "#test/object-stores.ts";
import { type S3Server, startS3Server, withoutS3 } from "#test/s3-server.ts";
import { until } from "#test/until.ts";

const skip = withoutS3;
const server = skip ? (undefined as unknown as S3Server) : await startS3Server();
const network = skip ? (undefined as unknown as FaultyHttp) : await startFaultyHttp(server.endpoint);

afterEach(() => network?.heal());

const open = (options = {}) =>
  openTestS3Store({ endpoint: network.endpoint, bucket: server.bucket }, options);
const known = (size: number) => ({ size, signal: never });
const whole = (length: number) => ({ offset: 0, length });

async function refusal(work: Promise<unknown>) {
  try {
    await work;
  } catch (error) {
    return toPublicError(error);
  }
  throw new Error("it was not refused");
}

test("a small put is tried again when the server says slow down", { skip }, async () => {
  const store = open();
  const name = newObjectName();
  network.fail({ kind: "slow-down" }, 2);
  await store.write(name, bytesOf(1_000), known(1_000));
  assert.equal(await store.sizeOf(name), 1_000);
});

test("one that is told to come back much later says so at once", { skip }, async () => {
  const store = open();
  const name = newObjectName();
  network.fail({ kind: "slow-down", retryAfterS: 7 }, 1, ({ method }) => method === "PUT");
  const { code, retryAfterMs } = await refusal(store.write(name, bytesOf(1_000), known(1_000)));
  assert.deepEqual([code, retryAfterMs], ["blob-store-unavailable", 7_000]);
  assert.equal(await store.sizeOf(name), undefined);
});

test("one that is told to slow down again and again gives up", { skip }, async () => {
  const store = open();
  network.fail({ kind: "slow-down" }, 3, ({ method }) => method === "PUT");
  const { code, retryAfterMs } = await refusal(store.write(newObjectName(), bytesOf(1_000), known(1_000)));
  assert.deepEqual([code, retryAfterMs], ["blob-store-unavailable", 2_000]);
});

test("a large put is not tried again: its bytes are gone", { skip }, async () => {
  const store = open();
  const name = newObjectName();
  network.fail({ kind: "slow-down" }, 1, ({ method }) => method === "PUT");
  const { code, retryAfterMs } = await refusal(store.write(name, bytesOf(20_000_000), known(20_000_000)));
  assert.deepEqual([code, retryAfterMs], ["blob-store-unavailable", 2_000]);
  assert.equal(await store.sizeOf(name), undefined);
});

test("one that is refused in mid-body ends its connection, and its sender", { skip }, async () => {
  const store = open();
  await until("there are no connections", async () => (await network.openSockets()) === 0);
  network.fail({ kind: "slow-down" }, 1, ({ method }) => method === "PUT");
  let isClosed = false;
  async function* slow() {
    try {
      yield* bytesOf(1_000_000);
      await until("the test is over", () => isOver);
      yield* bytesOf(1_000_000);
    } finally {
      isClosed = true;
    }
  }
  let isOver = false;
  await refusal(store.write(newObjectName(), slow(), known(50_000_000)));
  await until("the connection is closed", async () => (await network.openSockets()) === 0);
  isOver = true;
  await until("the sender is told", () => isClosed);
});

test("a part out of memory is tried again, and so is a read", { skip }, async () => {
  const store = open();
  const name = newObjectName();
  network.fail({ kind: "slow-down" }, 1, ({ url }) => url!.includes("partNumber=2"));
  await store.write(name, bytesOf(12_000_000), { size: undefined, signal: never });
  network.fail({ kind: "slow-down" }, 2, ({ method }) => method === "GET");
  const read = await digestOf(await store.read(name, whole(12_000_000), never));
  assert.deepEqual(read, await digestOf(bytesOf(12_000_000)));
});

for (const [what, size, announced] of [
  ["a streamed put", 20_000_000, 20_000_000],
  ["a put in parts", 20_000_000, undefined],
] as const) {
  test(`a connection that breaks in ${what} leaves no object`, { skip }, async () => {
    const store = open();
    const name = newObjectName();
    const isPut = ({ method }: { method?: string | undefined }) => method === "PUT";
    network.fail({ kind: "cut-request", afterBytes: 3_000_000 }, 3, isPut);
    const { code } = await refusal(store.write(name, bytesOf(size), { size: announced, signal: never }));
    assert.equal(code, "blob-store-unavailable");
    // This server, unlike S3, may keep what it got of a body that broke off. No row refers to it, and the sweep finds it.
    if (announced) assert.notEqual(await store.sizeOf(name), size);
    else assert.deepEqual(await namesOf(store.list(testFolder)), []);
  });
}

test("an object whose acknowledgement was lost is taken away again", { skip }, async () => {
  const store = open();
  const name = newObjectName();
  network.fail({ kind: "lose-answer" }, 1, ({ method }) => method === "PUT");
  assert.equal(
    (await refusal(store.write(name, bytesOf(500_000), known(500_000)))).code,
    "blob-store-unavailable",
  );
  assert.equal(await store.sizeOf(name), undefined);
});

test("an unfinished upload in parts is listed, and deleted by its name", { skip }, async () => {
  const store = open({ prefix: "crash/" });
  const name = newObjectName();
  const location = testS3Location(server, "crash/");
  // As of a process that was killed.
  const upload = createS3Upload(createS3Client(location, { maxTransfers: 2, stallMs: 10_000 }), {
    Bucket: server.bucket,
    Key: `crash/${name}`,
  });
  const parts = await upload.begin(never);
  await parts.part(1, { bytes: Buffer.alloc(5_242_880), size: 5_242_880 }, never);
  const left = await namesOf(store.list(testFolder));
  assert.equal(left.length, 1);
  assert.ok(left[0]!.startsWith(`${name}.`) && left[0]!.endsWith(".part"), String(left));
  await store.delete(left);
  await store.delete(left);
  assert.deepEqual(await namesOf(store.list(testFolder)), []);
});

for (const fault of [
  { kind: "cut-answer", afterBytes: 1_000_000 },
  { kind: "stall-answer", afterBytes: 1_000_000 },
  { kind: "truncate", toBytes: 1_000_000 },
] as const) {
  test(`never takes a part for the whole: ${fault.kind}`, { skip }, async () => {
    const store = open({ stallMs: 500 });
    const name = newObjectName();
    await store.write(name, bytesOf(4_000_000), known(4_000_000));
    network.fail(fault, 1, ({ method }) => method === "GET");
    const reading = (async () => collect(await store.read(name, whole(4_000_000), never)))();
    assert.equal((await refusal(reading)).code, "blob-store-unavailable");
  });
}

test("one who stops reading ends the connection, and what the server sends on it", { skip }, async () => {
  const store = open();
  const name = newObjectName();
  await store.write(name, bytesOf(50_000_000), known(50_000_000));
  const before = await network.openSockets();
  for await (const _ of await store.read(name, whole(50_000_000), never)) break;
  await until("the connection is closed", async () => (await network.openSockets()) < before);
});

test("a slow reader and a slow sender are no silence of the store's", { skip }, async () => {
  // Longer than a server on a busy machine is silent.
  const stallMs = 1_000;
  const store = open({ stallMs });
  const name = newObjectName();
  const pause = () => new Promise((resolve) => setTimeout(resolve, 2 * stallMs));
  async function* slow() {
    yield* bytesOf(500_000);
    await pause();
    yield* bytesOf(500_000);
  }
  await store.write(name, slow(), known(1_000_000));
  let size = 0;
  for await (const chunk of await store.read(name, whole(1_000_000), never)) {
    if (size === 0) await pause();
    size += chunk.byteLength;
  }
  assert.equal(size, 1_000_000);
});

test("a server that is frozen in the middle is away, and then is back", { skip }, async () => {
  const store = openTestS3Store(server, { stallMs: 400 });
  const name = newObjectName();
  await store.write(name, bytesOf(1_000), known(1_000));
  process.kill(server.pid(), "SIGSTOP");
  try {
    const calls = [
      store.write(newObjectName(), bytesOf(20_000_000), known(20_000_000)),
      store.write(newObjectName(), bytesOf(1_000), known(1_000)),
      store.read(name, whole(1_000), never),
      store.sizeOf(name),
    ];
    const codes = await Promise.all(calls.map(async (call) => (await refusal(call)).code));
    assert.deepEqual(codes, Array(4).fill("blob-store-unavailable"));
  } finally {
    process.kill(server.pid(), "SIGCONT");
  }
  await until("it is back", () =>
    store.sizeOf(name).then(
      (size) => size === 1_000,
      () => false,
    ),
  );
});

test("a server that is killed in mid-put and mid-get", { skip }, async () => {
  const store = openTestS3Store(server, { stallMs: 2_000, prefix: "killed/" });
  const stored = newObjectName();
  await store.write(stored, bytesOf(60_000_000), known(60_000_000));
  const put = newObjectName();
  async function* killing() {
    yield* bytesOf(10_000_000);
    await server.kill();
    yield* bytesOf(10_000_000);
  }
  const reading = await store.read(stored, whole(60_000_000), never);
  const first = reading[Symbol.asyncIterator]();
  await first.next();
  assert.equal(
    (await refusal(store.write(put, killing(), known(20_000_000)))).code,
    "blob-store-unavailable",
  );
  const rest = async () => {
    while (!(await first.next()).done);
  };
  assert.equal((await refusal(rest())).code, "blob-store-unavailable");
  assert.equal((await refusal(store.sizeOf(stored))).code, "blob-store-unavailable");
  await server.start();
  assert.equal(await store.sizeOf(put), undefined);
  const again = await digestOf(await store.read(stored, whole(60_000_000), never));
  assert.deepEqual(again, await digestOf(bytesOf(60_000_000)));
  await store.write(put, bytesOf(1_000), known(1_000));
  assert.deepEqual((await readdir(`${server.bucketFolder}/killed/${testFolder}`)).length, 2);
});

test("a machine whose clock is an hour off can use it all the same", { skip }, async (t) => {
  const prefix = "skewed/";
  const location = testS3Location(server, prefix);
  const client = createS3Client(location, { maxTransfers: 2, stallMs: 10_000 });
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 3_600_000 });
  const write = createPartWriter({
    putBytes: 1e9,
    streamedPartBytes: 1e9,
    maxParts: 10_000,
    stallMs: 10_000,
  });
  const name = newObjectName();
  const upload = createS3Upload(client, { Bucket: server.bucket, Key: prefix + name });
  await write(upload, bytesOf(1_000), known(1_000), (error) => error);
  assert.ok(Math.abs(client.config.systemClockOffset + 3_600_000) < 60_000);
});
