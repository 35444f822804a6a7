/**
 * A message's public id is its place, chat and seq, in 20 bytes of base64url: unique over all chats, and found by the
 * primary key without an index of its own. To callers it is opaque.
 */
import { uuidOfBytes } from "#platform/uuid.ts";

const idBytes = 20;
const chatBytes = 16;
const idLength = 27;
/** Of the type that the database keeps it in. */
export const largestSeq = 2_147_483_647;

/** Encodes many ids of one chat without encoding the chat each time. */
export function messageIdsOf(chatId: string): (seq: number) => string {
  const bytes = Buffer.allocUnsafe(idBytes);
  bytes.write(chatId.replaceAll("-", ""), "hex");
  return (seq) => {
    bytes.writeUInt32BE(seq, chatBytes);
    return bytes.toString("base64url");
  };
}

export interface MessagePlace {
  chatId: string;
  seq: number;
}

/** Undefined when the text is no message's id. */
export function placeOfMessageId(messageId: string): MessagePlace | undefined {
  if (messageId.length !== idLength) return undefined;
  const bytes = Buffer.from(messageId, "base64url");
  if (bytes.length !== idBytes) return undefined;
  const chatId = uuidOfBytes(bytes.subarray(0, chatBytes));
  const seq = seqOfMessageId(chatId, messageId);
  return seq === undefined ? undefined : { chatId, seq };
}

/** The seq of a message of this chat; undefined when the text is no id of a message of this chat. */
export function seqOfMessageId(chatId: string, messageId: string): number | undefined {
  if (messageId.length !== idLength) return undefined;
  const bytes = Buffer.from(messageId, "base64url");
  if (bytes.length !== idBytes) return undefined;
  const seq = bytes.readUInt32BE(chatBytes);
  if (seq > largestSeq) return undefined;
  // Decoding is lenient; only the one text that encoding gives is the id.
  return messageIdsOf(chatId)(seq) === messageId ? seq : undefined;
}
