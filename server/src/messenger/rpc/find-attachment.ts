import type { HandlerContext } from "@connectrpc/connect";
import type { Thumbnail } from "@parley/api/internal/blobs";
import type { FindAttachmentRequest, FindAttachmentResponse } from "@parley/api/internal/messenger";
import { type ThumbnailRow, toAttachment } from "#messenger/attachments/attachment-row.ts";
import { callerOf, readId } from "#messenger/input.ts";
import { seqOfMessageId } from "#messenger/message-id.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { readAttachments } from "#messenger/store-attachments.ts";
import { fault } from "#platform/errors.ts";

export function findAttachment({ database }: MessengerParts) {
  return async (request: FindAttachmentRequest, context: HandlerContext): Promise<FindAttachmentResponse> => {
    const readerId = callerOf(context);
    const chatId = readId("chatId", request.chatId);
    const id = request.attachmentId.toLowerCase();
    const seq = seqOfMessageId(chatId, request.messageId) ?? 0;
    const rows = await readAttachments(database, { chatId, readerId, seq });
    if (rows === undefined) throw fault("chat-not-found");
    const row = rows?.find((attachment) => attachment.id === id);
    if (!row) throw fault("attachment-not-found");
    const { objectId, etag, thumbnail } = row;
    return {
      $typeName: "parley.internal.v1.FindAttachmentResponse",
      attachment: toAttachment(row),
      objectId,
      etag,
      ...(thumbnail ? { thumbnail: toThumbnail(thumbnail) } : {}),
    };
  };
}

const toThumbnail = ({ objectId, size, contentType, etag }: ThumbnailRow): Thumbnail => ({
  $typeName: "parley.internal.v1.Thumbnail",
  objectId,
  size,
  contentType,
  etag,
});
