/** /v2/blobs/{key}. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { BlobInternalService, type StoredBlob } from "@parley/api/internal/blobs";
import { BlobService } from "@parley/api/v2/blob";
import type { ServedObject } from "#gateway/blobs/answer-plan.ts";
import { keyOf } from "#gateway/blobs/blob-key.ts";
import { type BlobRoutesOptions, createUnary } from "#gateway/blobs/blob-options.ts";
import type { ByteExchange, ByteRoute } from "#gateway/blobs/byte-route.ts";
import { createDeleteBlob } from "#gateway/blobs/delete-blob.ts";
import { putBlob } from "#gateway/blobs/put-blob.ts";
import { checkQuery } from "#gateway/blobs/query.ts";
import { type Reading, sendObject } from "#gateway/blobs/send-object.ts";
import { metadataHeaders } from "#gateway/blobs/user-metadata.ts";
import { nameOfKey } from "#platform/content-disposition.ts";

const url = "/v2/blobs/*";
const template = "/v2/blobs/{key}";

export function blobRoutes(
  options: BlobRoutesOptions,
  toReading: (exchange: ByteExchange) => Reading,
): ByteRoute[] {
  const unary = createUnary(options);
  const deleteBlob = createDeleteBlob(options);
  const { blobsInternal } = options.clients;
  return [
    {
      methods: ["PUT"],
      url,
      template,
      method: BlobInternalService.method.putBlob,
      async serve({ request: { raw }, reply, context }) {
        checkQuery(raw, []);
        const answer = await putBlob(options, { request: raw, response: reply.raw, context });
        return reply.code(answer.status).headers(answer.headers).send(answer.body);
      },
    },
    {
      methods: ["GET", "HEAD"],
      url,
      template,
      method: BlobInternalService.method.findBlob,
      async serve(exchange) {
        const { raw } = exchange.request;
        checkQuery(raw, ["download"]);
        const key = keyOf(raw.url!);
        const found = await unary(exchange.context, (call) => blobsInternal.findBlob({ key }, call));
        await sendObject(options, toReading(exchange), servedBlob(found.blob!));
      },
    },
    {
      methods: ["DELETE"],
      url,
      template,
      method: BlobService.method.deleteBlob,
      async serve({ request: { raw }, reply, context }) {
        checkQuery(raw, []);
        await deleteBlob(raw, context);
        return reply.code(204).send();
      },
    },
  ];
}

function servedBlob({ blob, objectId }: StoredBlob): ServedObject {
  const { key, size, etag, contentType, metadata, updatedAt } = blob!;
  return {
    objectId,
    size,
    etag,
    contentType,
    name: metadata.filename ?? nameOfKey(key),
    updatedAtMs: updatedAt && timestampMs(updatedAt),
    // To be kept, but asked for again each time: a key may get other bytes at any moment.
    cacheControl: "private, no-cache",
    headers: metadataHeaders(metadata),
  };
}
