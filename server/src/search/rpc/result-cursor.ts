/** The cursor of ListSearchResults: opaque to callers, and refused when it is not one of this task's. */
import { invalidInput } from "#platform/errors.ts";

export interface ResultPosition {
  /** Of the task: what was found by another one stands at other places. */
  attempt: number;
  /** Results before it. */
  offset: number;
}

const numberBytes = 4;

export function encodePosition({ attempt, offset }: ResultPosition): string {
  const bytes = Buffer.alloc(2 * numberBytes);
  bytes.writeUInt32BE(attempt);
  bytes.writeUInt32BE(offset, numberBytes);
  return bytes.toString("base64url");
}

/** Empty: the first page. */
export function decodePosition(cursor: string, task: { attempt: number; resultCount: number }): number {
  if (cursor === "") return 0;
  const bytes = Buffer.from(cursor, "base64url");
  const isOurs = bytes.length === 2 * numberBytes && bytes.toString("base64url") === cursor;
  if (!isOurs) throw invalidInput("cursor", "must be the nextCursor of a page before");
  const offset = bytes.readUInt32BE(numberBytes);
  if (bytes.readUInt32BE() !== task.attempt || offset > task.resultCount) {
    throw invalidInput("cursor", "belongs to other results; begin with the first page");
  }
  return offset;
}
