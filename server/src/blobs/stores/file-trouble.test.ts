/** Files on a disk that is full, and what a process leaves that was killed. */
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, rm, rmdir, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createFileStore } from "#blobs/stores/file-store.ts";
import { toPublicError } from "#platform/errors.ts";
import {
  bytesOf,
  collect,
  digestOf,
  namesOf,
  never,
  newObjectName,
  openTestFileStore,
  testFolder,
} from "#test/object-stores.ts";
import { mountSmallDisk, withoutSmallDisk } from "#test/small-disk.ts";

const isRoot = process.getuid?.() === 0;
const codeOf = (code: string) => (error: unknown) => toPublicError(error).code === code;
const known = (size: number) => ({ size, signal: never });

test("a disk that becomes full in mid-write says so, and keeps nothing of it", {
  skip: withoutSmallDisk,
}, async (t) => {
  const disk = await mountSmallDisk(t, 2);
  const store = createFileStore(join(disk, "blobs"));
  await store.check();
  const small = newObjectName();
  await store.write(small, bytesOf(500_000), known(500_000));
  for (const size of [5_000_000, undefined]) {
    const writing = store.write(newObjectName(), bytesOf(5_000_000), { size, signal: never });
    await assert.rejects(writing, codeOf("storage-full"));
  }
  assert.deepEqual(await namesOf(store.list(testFolder)), [small]);
  const read = await digestOf(await store.read(small, { offset: 0, length: 500_000 }, never));
  assert.deepEqual(read, await digestOf(bytesOf(500_000)));
  await store.write(newObjectName(), bytesOf(500_000), known(500_000));
});

test("a chunk's memory goes when the next is asked for, and that of the last does not", async () => {
  const { store } = await openTestFileStore();
  const name = newObjectName();
  await store.write(name, bytesOf(600_000), known(600_000));
  const chunks: Uint8Array[] = [];
  for await (const chunk of await store.read(name, { offset: 0, length: 600_000 }, never)) {
    assert.ok(chunks.every(({ byteLength }) => byteLength === 0));
    assert.ok(chunk.byteLength > 0);
    chunks.push(chunk);
  }
  assert.equal(chunks.length, 3);
  assert.ok(chunks.at(-1)!.byteLength > 0);
});

test("what a killed process left is listed, and can be deleted", async () => {
  const { store, root } = await openTestFileStore();
  const name = newObjectName();
  const left = `${name}.6e3f5a54-3b8d-4f3c-9f0a-0123456789ab.part`;
  await mkdir(join(root, testFolder));
  await writeFile(join(root, left), "half");
  assert.equal(await store.sizeOf(name), undefined);
  assert.deepEqual(await namesOf(store.list(testFolder)), [left]);
  await store.delete([left]);
  assert.deepEqual(await namesOf(store.folders()), []);
});

test("nobody else may read what is in it", async () => {
  const { store, root } = await openTestFileStore();
  const name = newObjectName();
  await store.write(name, bytesOf(10), known(10));
  const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
  assert.equal(await modeOf(join(root, name)), 0o600);
  assert.equal(await modeOf(join(root, testFolder)), 0o700);
  assert.equal(await modeOf(root), 0o700);
});

test("a file that has become shorter is not given out as whole", async () => {
  const { store, root } = await openTestFileStore();
  const name = newObjectName();
  await store.write(name, bytesOf(1_000_000), known(1_000_000));
  await truncate(join(root, name), 600_000);
  const reading = async () => collect(await store.read(name, { offset: 0, length: 1_000_000 }, never));
  await assert.rejects(reading, codeOf("blob-store-unavailable"));
});

test("many writes into new folders at once all find their folder", async () => {
  const { store, root } = await openTestFileStore();
  const names = Array.from({ length: 100 }, (_, at) => newObjectName(`2026-11-0${(at % 5) + 1}T00/`));
  await Promise.all(names.map((name) => store.write(name, bytesOf(100), known(100))));
  assert.equal((await readdir(root)).length, 5);
  for (const name of names) assert.equal(await store.sizeOf(name), 100);
});

test("writes and the taking away of their folder do not get in each other's way", async () => {
  const { store } = await openTestFileStore();
  const rounds = Array.from({ length: 200 }, async () => {
    const name = newObjectName();
    await store.write(name, bytesOf(10), known(10));
    assert.equal(await store.sizeOf(name), 10);
    await store.delete([name]);
  });
  await Promise.all(rounds);
});

test("a write finds its folder, however often somebody takes it away while it is empty", async () => {
  const { store, root } = await openTestFileStore();
  let isOver = false;
  const takeAway = async () => {
    while (!isOver) {
      await rmdir(join(root, "2026-11-01T00")).catch(() => {});
      await delay(5);
    }
  };
  const taking = takeAway();
  try {
    for (let round = 0; round < 100; round++) {
      const name = newObjectName("2026-11-01T00/");
      await store.write(name, bytesOf(10), known(10));
      await store.delete([name]);
    }
  } finally {
    isOver = true;
    await taking;
  }
});

test("a folder that cannot be written to fails the check, with what to do", { skip: isRoot }, async () => {
  const { store, root } = await openTestFileStore();
  await chmod(root, 0o500);
  await assert.rejects(store.check(), /blobs cannot be kept in .*EACCES.*PARLEY_BLOB_STORE/);
});

test("a file in place of the folder fails the check", async () => {
  const parent = await mkdtemp(join(tmpdir(), "parley-test-files-"));
  const path = join(parent, "blobs");
  await writeFile(path, "");
  await assert.rejects(createFileStore(path).check(), /blobs cannot be kept in .*(EEXIST|ENOTDIR)/);
  await rm(parent, { recursive: true });
});
