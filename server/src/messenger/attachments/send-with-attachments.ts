/**
 * Sends with attachments. Blobs holds them before the message joins the others that wait to be stored, so that nobody
 * else waits for blobs. Each attempt has ids of its own: what it does not get to a message is released (abandoned.ts),
 * and no other attempt can have need of it.
 */
import { randomUUIDv7 } from "node:crypto";
import type { AttachBlobsResponse, AttachedBlob } from "@parley/api/internal/blobs";
import { type GivenAttachment, keyField } from "#messenger/attachments/attachment-input.ts";
import { type AttachmentRow, mayBePicture } from "#messenger/attachments/attachment-row.ts";
import type { MessengerClients } from "#messenger/clients.ts";
import type { SendResult, ValidSend } from "#messenger/group-commit.ts";
import { messagesOf } from "#messenger/message-row.ts";
import { noteAttaching } from "#messenger/store-attachments.ts";
import { findOriginals } from "#messenger/store-sends.ts";
import type { Database } from "#platform/database.ts";
import { type ErrorCode, errorKinds, toPublicError } from "#platform/errors.ts";

export interface SendingParts {
  database: Database;
  blobs: Pick<MessengerClients["blobs"], "attachBlobs">;
  submit(send: ValidSend): Promise<SendResult>;
}

/** People wait for it. */
const attachTimeoutMs = 5_000;

type Refusal = Extract<SendResult, { errorCode: ErrorCode }>;

/** Never rejects. */
export async function sendWithAttachments(
  parts: SendingParts,
  send: ValidSend,
  given: readonly GivenAttachment[],
): Promise<SendResult> {
  try {
    const held = await hold(parts, send, given);
    if ("errorCode" in held) return (await findOriginal(parts, send)) ?? held;
    return await parts.submit({ ...send, attachments: held.attachments });
  } catch (error) {
    return { errorCode: toPublicError(error).code };
  }
}

async function hold(
  { database, blobs }: SendingParts,
  { chatId, senderId }: ValidSend,
  given: readonly GivenAttachment[],
): Promise<{ attachments: AttachmentRow[] } | Refusal> {
  const ids = given.map(() => randomUUIDv7());
  await noteAttaching(database, chatId, ids);
  let answer: AttachBlobsResponse;
  try {
    const toAttach = given.map(({ key }, index) => ({ attachmentId: ids[index]!, ownerId: senderId, key }));
    answer = await blobs.attachBlobs({ blobs: toAttach }, { timeoutMs: attachTimeoutMs });
  } catch (error) {
    return awayRefusal(error);
  }
  const refused = answer.blobs.findIndex(({ errorCode }) => errorCode !== "");
  if (refused >= 0) return toRefusal(answer.blobs[refused]!, refused);
  return { attachments: answer.blobs.map((blob, index) => toRow(blob, ids[index]!, given[index]!.name)) };
}

/** Blobs that are away are their affair: the messenger is well, and so are sends without attachments. */
function awayRefusal(error: unknown): Refusal {
  const { code } = toPublicError(error);
  return { errorCode: code === "overloaded" ? code : "blob-store-unavailable" };
}

function toRefusal({ errorCode }: AttachedBlob, index: number): Refusal {
  if (!Object.hasOwn(errorKinds, errorCode)) return { errorCode: "internal" };
  const code = errorCode as ErrorCode;
  return { errorCode: code, violations: [{ field: keyField(index), message: errorKinds[code].title }] };
}

const toRow = (
  { objectId, etag, contentType, size }: AttachedBlob,
  id: string,
  name: string,
): AttachmentRow => ({
  id,
  objectId,
  etag,
  name,
  contentType,
  size,
  width: 0,
  height: 0,
  isPending: mayBePicture(contentType),
});

/** A send that repeats an earlier one has its outcome, whatever has become of the blobs since. */
async function findOriginal({ database }: SendingParts, send: ValidSend): Promise<SendResult | undefined> {
  const [row] = await findOriginals(database, [send]);
  return row && { message: messagesOf(send.chatId)(row) };
}
