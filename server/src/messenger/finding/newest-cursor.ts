/** How far a search for all messages that match has come: opaque to callers, and refused when it is not ours. */
import { latestMs } from "#messenger/cursor.ts";
import { lastStage, type Stage } from "#messenger/finding/stages.ts";
import { largestSeq } from "#messenger/message-id.ts";
import type { HitPlace } from "#messenger/store-finding-messages.ts";
import { invalidInput } from "#platform/errors.ts";
import { uuidOfBytes } from "#platform/uuid.ts";

export interface NewestPosition {
  stage: Stage;
  /** Whether this stage has found anything. */
  hasFound: boolean;
  /** Everything after this has been looked at. */
  before: HitPlace;
}

const headBytes = 1;
const timeBytes = 8;
const idBytes = 16;
const seqBytes = 4;
const totalBytes = headBytes + timeBytes + idBytes + seqBytes;
const foundBit = 0x80;

export function encodePosition({ stage, hasFound, before }: NewestPosition): string {
  const bytes = Buffer.alloc(totalBytes);
  bytes.writeUInt8(stage | (hasFound ? foundBit : 0));
  bytes.writeDoubleBE(before.createdAtMs, headBytes);
  bytes.write(before.chatId.replaceAll("-", ""), headBytes + timeBytes, "hex");
  bytes.writeUInt32BE(before.seq, headBytes + timeBytes + idBytes);
  return bytes.toString("base64url");
}

export function decodePosition(cursor: string): NewestPosition {
  const bytes = Buffer.from(cursor, "base64url");
  if (bytes.length !== totalBytes) throw notOurs();
  const head = bytes.readUInt8();
  const stage = head & ~foundBit;
  const createdAtMs = bytes.readDoubleBE(headBytes);
  const seq = bytes.readUInt32BE(headBytes + timeBytes + idBytes);
  const isTime = createdAtMs === Number.POSITIVE_INFINITY || (createdAtMs >= 0 && createdAtMs <= latestMs);
  if (stage > lastStage || !isTime || seq > largestSeq) throw notOurs();
  const chatId = uuidOfBytes(bytes.subarray(headBytes + timeBytes, headBytes + timeBytes + idBytes));
  return { stage: stage as Stage, hasFound: head >= foundBit, before: { createdAtMs, chatId, seq } };
}

const notOurs = () => invalidInput("cursor", "must be the nextCursor of an answer before");
