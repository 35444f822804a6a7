import { closeSync, copyFileSync, openSync, readSync, statSync, truncateSync } from "node:fs";

const MAX_LOG_BYTES = 4 * 2 ** 20;
const TAIL_BYTES = 4_096;
const TAIL_LINES = 20;

/**
 * Keeps PostgreSQL's log and one older part of it, each of at most 4 MB and what a minute adds.
 * It is copied and truncated in place: PostgreSQL holds the file open in append mode and goes on at its new end.
 */
export function boundLogFile(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= MAX_LOG_BYTES) return;
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
}

/** The last lines written after `from` (a file size). */
export function readLogTail(path: string, from: number): string {
  const { size } = statSync(path);
  const start = Math.max(from, size - TAIL_BYTES);
  const buffer = Buffer.alloc(Math.max(0, size - start));
  const file = openSync(path, "r");
  readSync(file, buffer, 0, buffer.length, start);
  closeSync(file);
  return buffer.toString("utf8").trim().split("\n").slice(-TAIL_LINES).join("\n");
}
