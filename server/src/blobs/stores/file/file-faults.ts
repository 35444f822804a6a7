import { fault } from "#platform/errors.ts";

const noRoom = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

/** What a caller is told of an error of the file system. */
export function toFileFault(error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  return fault(noRoom.has(code) ? "storage-full" : "blob-store-unavailable", { cause: error });
}
