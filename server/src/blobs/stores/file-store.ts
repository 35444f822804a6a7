/** Objects as files of one folder. Durable by fsync of file and folder; whole by renaming. */
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ObjectMissing, type ObjectStore } from "#blobs/stores/object-store.ts";

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === "ENOENT";

export function createFileStore(root: string): ObjectStore {
  return {
    kind: "file",
    description: root,
    async check() {
      await mkdir(root, { recursive: true });
    },
    async write(name, bytes, { signal }) {
      const path = join(root, name);
      const unfinished = `${path}.${randomUUID()}.part`;
      await mkdir(dirname(path), { recursive: true });
      try {
        const file = await open(unfinished, "wx");
        try {
          for await (const chunk of bytes) {
            signal.throwIfAborted();
            await file.write(chunk);
          }
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(unfinished, path);
        await syncFolder(dirname(path));
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
    },
    async read(name, { offset, length }, signal) {
      const path = join(root, name);
      if ((await this.sizeOf(name)) === undefined) throw new ObjectMissing(name);
      if (length === 0) return (async function* () {})();
      return createReadStream(path, { start: offset, end: offset + length - 1, signal });
    },
    async sizeOf(name) {
      try {
        return (await stat(join(root, name))).size;
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    async delete(names) {
      for (const name of names) await rm(join(root, name), { force: true });
    },
    async *list(folder) {
      try {
        for (const name of await readdir(join(root, folder))) yield `${folder}${name}`;
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
    async *folders() {
      for (const entry of await readdir(root, { withFileTypes: true })) {
        if (entry.isDirectory()) yield `${entry.name}/`;
      }
    },
  };
}

async function syncFolder(path: string) {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
