import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type ByteSource, openSource } from "#blobs/stores/byte-source.ts";
import { isMissing, toFileFault } from "#blobs/stores/file/file-faults.ts";
import type { Folders } from "#blobs/stores/file/folders.ts";
import type { WriteOptions } from "#blobs/stores/object-store.ts";
import { unfinishedName } from "#blobs/stores/store-names.ts";
import { releaseBytes } from "#platform/release-bytes.ts";

/** Chunks are gathered into writes of this size: a system call costs more than holding them for a moment. */
const writeBytes = 262_144;

/** Whoever deletes the last file of a folder takes the folder away, also while somebody is making it. */
const maxAttempts = 100;

/** Bytes, then the name, then the folder: whoever finds the name finds all of them, also after a power cut. */
export async function writeFile(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  options: WriteOptions,
  folders: Folders,
): Promise<void> {
  const source = openSource(bytes, options);
  const unfinished = unfinishedName(path, randomUUID());
  let isNamed = false;
  try {
    options.signal.throwIfAborted();
    const file = await create(unfinished, folders);
    try {
      await writeAll(file, source);
      await file.datasync();
    } finally {
      await file.close();
    }
    options.signal.throwIfAborted();
    await rename(unfinished, path);
    isNamed = true;
    await Promise.all([folders.sync(dirname(path)), folders.settle(dirname(path))]);
  } catch (error) {
    await rm(isNamed ? path : unfinished, { force: true }).catch(() => {});
    throw source.failure ? source.failure.error : toFileFault(error);
  } finally {
    source.close();
  }
}

async function create(path: string, folders: Folders): Promise<FileHandle> {
  const folder = dirname(path);
  for (let attempt = 1; ; attempt++) {
    try {
      await folders.ensure(folder);
      return await open(path, "wx", 0o600);
    } catch (error) {
      if (!isMissing(error) || attempt === maxAttempts) throw error;
      // It was empty and taken away, just now.
      folders.forget(folder);
    }
  }
}

async function writeAll(file: FileHandle, source: ByteSource): Promise<void> {
  let buffer: Buffer | undefined;
  let filled = 0;
  for (;;) {
    const chunk = await source.pull(writeBytes - filled);
    if (chunk) {
      // The last chunk stays as it is, and mostly is the first as well.
      if (!buffer && source.hasEnded) return writeWhole(file, chunk);
      buffer ??= Buffer.allocUnsafeSlow(writeBytes);
      buffer.set(chunk, filled);
      filled += chunk.byteLength;
      if (filled < writeBytes) continue;
    }
    if (buffer) await writeWhole(file, buffer.subarray(0, filled));
    if (!chunk) break;
    filled = 0;
  }
  if (buffer) releaseBytes(buffer);
}

/** A full disk takes a part, and says why only when it is asked to take the rest. */
async function writeWhole(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let left = bytes; left.byteLength > 0; ) {
    const { bytesWritten } = await file.write(left);
    left = left.subarray(bytesWritten);
  }
}
