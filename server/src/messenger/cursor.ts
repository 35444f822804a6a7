/** The cursors of ListChats and ListMembers: opaque to callers, and refused when they are not ours. */
import { invalidInput } from "#platform/errors.ts";
import { uuidOfBytes } from "#platform/uuid.ts";

const idBytes = 16;
const timeBytes = 8;

export interface Activity {
  atMs: number;
  chatId: string;
}

/** Before everything else in the order of ListChats. */
export const latestActivity: Activity = {
  atMs: Number.POSITIVE_INFINITY,
  chatId: "ffffffff-ffff-ffff-ffff-ffffffffffff",
};

/** The latest time that a cursor or a query may name. PostgreSQL knows later ones; nobody needs them. */
export const latestMs = Date.parse("9999-12-31T23:59:59.999Z");

export function encodeActivity({ atMs, chatId }: Activity): string {
  const bytes = Buffer.alloc(timeBytes + idBytes);
  bytes.writeDoubleBE(atMs);
  bytes.write(chatId.replaceAll("-", ""), timeBytes, "hex");
  return bytes.toString("base64url");
}

export function decodeActivity(cursor: string): Activity {
  const bytes = Buffer.from(cursor, "base64url");
  if (bytes.length !== timeBytes + idBytes) throw notOurs();
  const atMs = bytes.readDoubleBE();
  if (!(atMs >= 0 && atMs <= latestMs)) throw notOurs();
  return { atMs, chatId: uuidOfBytes(bytes.subarray(timeBytes)) };
}

export function encodeId(id: string): string {
  return Buffer.from(id.replaceAll("-", ""), "hex").toString("base64url");
}

export function decodeId(cursor: string): string {
  const bytes = Buffer.from(cursor, "base64url");
  if (bytes.length !== idBytes) throw notOurs();
  return uuidOfBytes(bytes);
}

const notOurs = () => invalidInput("cursor", "must be the nextCursor of a page before");
