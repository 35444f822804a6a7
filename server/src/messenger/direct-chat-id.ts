import { createHash } from "node:crypto";
import { uuidOfBytes } from "#platform/uuid.ts";

/**
 * The id of the direct chat of two people is computed from theirs (a UUID of version 8), so that the primary key
 * allows it once per pair.
 */
export function directChatId(oneUserId: string, otherUserId: string): string {
  const pair = [oneUserId, otherUserId].sort().join(" ");
  const bytes = createHash("sha256").update(`parley direct chat ${pair}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return uuidOfBytes(bytes);
}
