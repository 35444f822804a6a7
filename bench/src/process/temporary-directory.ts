/** Directories of this run, removed at the latest when it ends. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
  remove(): Promise<void>;
}

const existing = new Set<string>();

/** Under TMPDIR: set it to a directory on the disk whose speed is of interest. */
export async function makeTemporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), "parley-bench-"));
  existing.add(path);
  const remove = () => removeDirectory(path);
  return { path, remove, [Symbol.asyncDispose]: remove };
}

export async function removeTemporaryDirectories(): Promise<void> {
  await Promise.all([...existing].map(removeDirectory));
}

async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5 });
  existing.delete(path);
}
