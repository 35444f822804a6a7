/** The stores that the tests of blobs run on, each for itself; and one that is in trouble. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { createFileStore } from "#blobs/stores/file-store.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { openTestS3Store } from "#test/object-stores.ts";
import { startS3Server, withoutS3 } from "#test/s3-server.ts";

/** A store in a folder of its own, which goes when the test file ends. */
export async function temporaryFileStore(): Promise<ObjectStore> {
  return createFileStore(await temporaryFolder());
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "parley-blobs-"));
  after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface StoreUnderTest {
  name: string;
  open(): Promise<ObjectStore>;
}

/** One server for the test file, and a prefix of its bucket for each store. */
const s3Server = withoutS3 ? undefined : await startS3Server();

export const storesUnderTest: readonly StoreUnderTest[] = [
  { name: "files", open: temporaryFileStore },
  ...(s3Server ? [{ name: "S3", open: async () => openTestS3Store(s3Server) }] : []),
];

/**
 * What a test file needs on each of the stores, all of it before its first test: node:test ends a file once no test is left, also while
 * it is still being set up for the next ones.
 */
export async function onEachStore<T extends object>(
  setUp: (store: ObjectStore) => Promise<T>,
): Promise<(T & { name: string })[]> {
  const ready: (T & { name: string })[] = [];
  for (const { name, open } of storesUnderTest) ready.push({ name, ...(await setUp(await open())) });
  return ready;
}

/** Does what the other does, unless the test has something happen before. */
export function createFaultyStore(store: ObjectStore) {
  const faults = {
    /** Of a write, before each chunk is handed on. */
    onWrittenChunk: async (_chunk: Uint8Array): Promise<void> => {},
    /** Before a write's answer. */
    onWritten: async (_name: string): Promise<void> => {},
    onRead: async (_name: string): Promise<void> => {},
    onReadChunk: async (_chunk: Uint8Array): Promise<void> => {},
    onDelete: async (_names: readonly string[]): Promise<void> => {},
    writes: 0,
    reads: 0,
  };
  async function* passing(bytes: AsyncIterable<Uint8Array>, on: (chunk: Uint8Array) => Promise<void>) {
    for await (const chunk of bytes) {
      await on(chunk);
      yield chunk;
    }
  }
  const faulty: ObjectStore = {
    kind: store.kind,
    description: store.description,
    check: (signal) => store.check(signal),
    async write(name, bytes, options) {
      faults.writes += 1;
      await store.write(
        name,
        passing(bytes, (chunk) => faults.onWrittenChunk(chunk)),
        options,
      );
      await faults.onWritten(name);
    },
    async read(name, range, signal) {
      faults.reads += 1;
      await faults.onRead(name);
      return passing(await store.read(name, range, signal), (chunk) => faults.onReadChunk(chunk));
    },
    sizeOf: (name, signal) => store.sizeOf(name, signal),
    async delete(names) {
      await faults.onDelete(names);
      await store.delete(names);
    },
    list: (folder) => store.list(folder),
    folders: () => store.folders(),
  };
  return Object.assign(faulty, { faults });
}
