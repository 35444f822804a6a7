import { type FileHandle, open } from "node:fs/promises";
import { isMissing, toFileFault } from "#blobs/stores/file/file-faults.ts";
import { type ByteRange, ObjectMissing } from "#blobs/stores/object-store.ts";
import { fault } from "#platform/errors.ts";
import { releaseBytes } from "#platform/release-bytes.ts";

const chunkBytes = 262_144;

/** The first chunk is read before this resolves; so a small object holds no file open, and a damaged one is told at once. */
export async function readFile(
  path: string,
  { offset, length }: ByteRange,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  signal.throwIfAborted();
  const file = await openFile(path);
  // Whoever neither iterates nor reads to the end aborts the signal; closing twice is no error.
  const close = () => {
    signal.removeEventListener("abort", close);
    return file.close().catch(() => {});
  };
  signal.addEventListener("abort", close);
  try {
    const first = length > 0 ? await readChunk(file, offset, Math.min(length, chunkBytes)) : undefined;
    signal.throwIfAborted();
    if ((first?.byteLength ?? 0) < length)
      return chunksOf(file, first!, { offset, length }, { signal, close });
    await close();
    return oneChunk(first);
  } catch (error) {
    await close();
    throw signal.aborted ? signal.reason : toFileFault(error);
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    throw isMissing(error) ? new ObjectMissing(path) : toFileFault(error);
  }
}

async function* oneChunk(chunk: Uint8Array | undefined): AsyncGenerator<Uint8Array> {
  if (chunk) yield chunk;
}

/** The next chunk is being read while the reader is busy with one. */
async function* chunksOf(
  file: FileHandle,
  first: Uint8Array,
  { offset, length }: ByteRange,
  { signal, close }: { signal: AbortSignal; close(): Promise<void> },
): AsyncGenerator<Uint8Array> {
  const end = offset + length;
  let position = offset + first.byteLength;
  let chunk: Uint8Array = first;
  try {
    for (;;) {
      const nextBytes = Math.min(end - position, chunkBytes);
      const ahead = nextBytes > 0 ? readChunk(file, position, nextBytes) : undefined;
      // Handled below, unless nobody asks for it any more.
      ahead?.catch(() => {});
      yield chunk;
      signal.throwIfAborted();
      if (!ahead) return;
      releaseBytes(chunk);
      chunk = await ahead;
      position += chunk.byteLength;
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : toFileFault(error);
  } finally {
    await close();
  }
}

async function readChunk(file: FileHandle, position: number, bytes: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await file.read(buffer, filled, bytes - filled, position + filled);
    if (bytesRead === 0) {
      throw fault("blob-store-unavailable", { cause: new Error("a stored object is shorter than it was") });
    }
    filled += bytesRead;
  }
  return buffer;
}
