/** A pod's spool on its disk: its files, the id that rows name it by, and a lock, since two processes must not share them. */
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, statfs } from "node:fs/promises";
import { join } from "node:path";
import { createFileStore } from "#blobs/stores/file-store.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { lockDataDir } from "#platform/data-dir-lock.ts";
import { isUuid } from "#platform/uuid.ts";

export interface SpoolFolder {
  readonly podId: string;
  readonly files: ObjectStore;
  /** On its disk, in bytes. */
  freeBytes(): Promise<number>;
  /** For others to open. */
  release(): void;
}

/** Rejects with DataDirInUseError when another process has it. */
export async function openSpoolFolder(path: string): Promise<SpoolFolder> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const lock = lockDataDir(path);
  try {
    const podId = await readPodId(path);
    const files = createFileStore(join(path, "objects"));
    await files.check();
    return {
      podId,
      files,
      async freeBytes() {
        const { bavail, bsize } = await statfs(path);
        return bavail * bsize;
      },
      release: () => lock.release(),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Made once. What is spooled is found by it for as long as the folder exists, so it is durable before it is used. */
async function readPodId(folder: string): Promise<string> {
  const path = join(folder, "pod-id");
  const known = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (known !== undefined) {
    const podId = known.trim();
    if (isUuid(podId)) return podId;
    throw new Error(
      `${path} does not hold the id of a pod: objects of this spool could not be found by another`,
    );
  }
  const podId = randomUUID();
  const unfinished = `${path}.part`;
  await writeDurably(unfinished, `${podId}\n`);
  await rename(unfinished, path);
  await syncFolder(folder);
  return podId;
}

async function writeDurably(path: string, text: string) {
  await using file = await open(path, "w", 0o600);
  await file.writeFile(text);
  await file.sync();
}

async function syncFolder(path: string) {
  await using folder = await open(path);
  await folder.sync();
}
