/**
 * A message's pictures get their size and thumbnail: blobs looks at them, one after the other, and what it found is
 * told in one event. Done twice, it changes nothing the second time.
 */
import type { PrepareAttachmentResponse } from "@parley/api/internal/blobs";
import type { AttachmentRow } from "#messenger/attachments/attachment-row.ts";
import { type ChangeParts, changeChatUnasked } from "#messenger/change-chat.ts";
import type { MessengerClients } from "#messenger/clients.ts";
import { messagesOf } from "#messenger/message-row.ts";
import { findSentAttachments, type SentPlace, setAttachments } from "#messenger/store-attachments.ts";
import { findMessage } from "#messenger/store-changes.ts";
import { toPublicError } from "#platform/errors.ts";

export interface PreparingParts {
  parts: ChangeParts;
  blobs: Pick<MessengerClients["blobs"], "prepareAttachment">;
}

const prepareTimeoutMs = 25_000;

/** Rejects when blobs cannot be asked now; then what it found for some of them is found again. */
export async function prepareAttachments(
  { parts, blobs }: PreparingParts,
  sent: SentPlace,
  signal: AbortSignal,
): Promise<void> {
  const { chatId, senderId } = sent;
  // Deleted meanwhile, or never stored: it was the repetition of another.
  const found = await findSentAttachments(parts.database, sent);
  if (!found) return;
  const pending = found.attachments.filter(({ isPending }) => isPending);
  const looks = new Map<string, PrepareAttachmentResponse | undefined>();
  for (const { id } of pending) looks.set(id, await look(blobs, id, signal));
  if (looks.size === 0) return;
  await changeChatUnasked(parts, { chatId, callerId: senderId }, async (tx) => {
    const present = await findSentAttachments(tx, sent);
    if (!present?.attachments.some(({ id, isPending }) => isPending && looks.has(id))) return { events: [] };
    const { seq, attachments } = present;
    const prepared = attachments.map((row) => (looks.has(row.id) ? lookedAt(row, looks.get(row.id)) : row));
    await setAttachments(tx, { chatId, seq }, prepared);
    const message = messagesOf(chatId)((await findMessage(tx, { chatId, seq }, senderId))!);
    return { events: [{ kind: "attachments", messageSeq: seq, message }] };
  });
}

/** Undefined: it is not held any more. */
async function look(
  blobs: PreparingParts["blobs"],
  attachmentId: string,
  signal: AbortSignal,
): Promise<PrepareAttachmentResponse | undefined> {
  try {
    return await blobs.prepareAttachment({ attachmentId }, { signal, timeoutMs: prepareTimeoutMs });
  } catch (error) {
    if (toPublicError(error).code === "attachment-not-found") return undefined;
    throw error;
  }
}

function lookedAt(row: AttachmentRow, answer: PrepareAttachmentResponse | undefined): AttachmentRow {
  if (!answer) return { ...row, isPending: false };
  const { width, height, thumbnail } = answer;
  if (!thumbnail) return { ...row, width, height, isPending: false };
  const { objectId, etag, contentType, size } = thumbnail;
  return { ...row, width, height, thumbnail: { objectId, etag, contentType, size }, isPending: false };
}
