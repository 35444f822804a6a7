/** Objects as files, in a folder for each hour. Durable by fsync of file and folder; whole by renaming. */
import { opendir, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isMissing, toFileFault } from "#blobs/stores/file/file-faults.ts";
import { createFolders, makeDurableFolder } from "#blobs/stores/file/folders.ts";
import { readFile } from "#blobs/stores/file/read-file.ts";
import { writeFile } from "#blobs/stores/file/write-file.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { probe } from "#blobs/stores/probe.ts";
import { requireFolder, requireObjectName, requireStoredName } from "#blobs/stores/store-names.ts";

export function createFileStore(root: string): ObjectStore {
  const folders = createFolders();
  const store: ObjectStore = {
    kind: "file",
    description: root,
    async check(signal) {
      try {
        await makeDurableFolder(root);
        await probe(store, signal);
      } catch (error) {
        const { code, message } = reasonOf(error);
        throw new Error(
          `blobs cannot be kept in ${root} (${code ?? message}): give it to the user that Parley runs as, or set PARLEY_BLOB_STORE`,
          { cause: error },
        );
      }
    },
    async write(name, bytes, options) {
      requireObjectName(name);
      await writeFile(join(root, name), bytes, options, folders);
    },
    async read(name, range, signal) {
      requireObjectName(name);
      return readFile(join(root, name), range, signal);
    },
    async sizeOf(name) {
      requireObjectName(name);
      try {
        return (await stat(join(root, name))).size;
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw toFileFault(error);
      }
    },
    async delete(names) {
      for (const name of names) requireStoredName(name);
      try {
        for (const name of names) await rm(join(root, name), { force: true });
      } catch (error) {
        throw toFileFault(error);
      }
      for (const folder of new Set(names.map((name) => dirname(join(root, name))))) {
        // As it should be, mostly: others are in it.
        await rmdir(folder).then(
          () => folders.forget(folder),
          () => {},
        );
      }
    },
    async *list(folder) {
      requireFolder(folder);
      for await (const { name } of entriesOf(join(root, folder))) yield `${folder}${name}`;
    },
    async *folders() {
      for await (const entry of entriesOf(root)) if (entry.isDirectory()) yield `${entry.name}/`;
    },
  };
  return store;
}

async function* entriesOf(path: string) {
  try {
    yield* await opendir(path, { bufferSize: 256 });
  } catch (error) {
    if (!isMissing(error)) throw toFileFault(error);
  }
}

function reasonOf(error: unknown): NodeJS.ErrnoException {
  const { cause } = error as Error;
  return (cause instanceof Error ? cause : error) as NodeJS.ErrnoException;
}
