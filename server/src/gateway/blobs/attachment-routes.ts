/** What messages came with, for those who may read the message now; so the messenger is asked each time. */
import { create } from "@bufbuild/protobuf";
import {
  FindAttachmentRequestSchema,
  type FindAttachmentResponse,
  MessengerInternalService,
} from "@parley/api/internal/messenger";
import type { ServedObject } from "#gateway/blobs/answer-plan.ts";
import { type BlobRoutesOptions, createUnary } from "#gateway/blobs/blob-options.ts";
import type { ByteExchange, ByteRoute } from "#gateway/blobs/byte-route.ts";
import { checkQuery } from "#gateway/blobs/query.ts";
import { type Reading, sendObject } from "#gateway/blobs/send-object.ts";
import { createValidate } from "#gateway/validation.ts";
import { fault } from "#platform/errors.ts";

/** The segments are called as those of REST, whose routes these are among. */
const url = "/v2/chats/:segment2/messages/:segment4/attachments/:segment6";
const template = "/v2/chats/{chatId}/messages/{messageId}/attachments/{attachmentId}";
/** Of one who is no member any more not even what a browser has kept is to be shown. */
const cacheControl = "private, max-age=0, must-revalidate";

export function attachmentRoutes(
  options: BlobRoutesOptions,
  toReading: (exchange: ByteExchange) => Reading,
): ByteRoute[] {
  const unary = createUnary(options);
  const validate = createValidate();
  const { messengerInternal } = options.clients;
  const routeOf = (suffix: string, served: (found: FindAttachmentResponse) => ServedObject): ByteRoute => ({
    methods: ["GET", "HEAD"],
    url: url + suffix,
    template: template + suffix,
    method: MessengerInternalService.method.findAttachment,
    async serve(exchange) {
      const { request, context } = exchange;
      checkQuery(request.raw, ["download"]);
      const [chatId, messageId, attachmentId] = Object.values(request.params as Record<string, string>);
      const wanted = create(FindAttachmentRequestSchema, { chatId, messageId, attachmentId } as never);
      validate(FindAttachmentRequestSchema, wanted);
      if (request.observed) request.observed.chatId = chatId;
      const found = await unary(context, (call) => messengerInternal.findAttachment(wanted, call));
      await sendObject(options, toReading(exchange), served(found));
    },
  });
  return [routeOf("", servedContent), routeOf("/thumbnail", servedThumbnail)];
}

function servedContent({ attachment, objectId, etag }: FindAttachmentResponse): ServedObject {
  const { size, contentType, name } = attachment!;
  return { objectId, size, etag, contentType, name, updatedAtMs: undefined, cacheControl, headers: {} };
}

function servedThumbnail({ attachment, thumbnail }: FindAttachmentResponse): ServedObject {
  if (!thumbnail) throw fault("attachment-not-found", { detail: "It has no thumbnail, or not yet" });
  const { objectId, size, etag, contentType } = thumbnail;
  const name = attachment!.name && `thumbnail of ${attachment!.name}`;
  return { objectId, size, etag, contentType, name, updatedAtMs: undefined, cacheControl, headers: {} };
}
