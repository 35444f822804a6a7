/** Stores for the tests of blobs: in a folder that goes with the test file, and one that is in trouble. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { createFileStore } from "#blobs/stores/file-store.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";

/** A store in a folder of its own, which goes when the test file ends. */
export async function temporaryFileStore(): Promise<ObjectStore> {
  return createFileStore(await temporaryFolder());
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "parley-blobs-"));
  after(() => rm(folder, { recursive: true, force: true }));
  return folder;
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
