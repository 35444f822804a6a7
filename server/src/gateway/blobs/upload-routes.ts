/** /v2/uploads: resumable uploads by the tus protocol (https://tus.io/protocols/resumable-upload, 1.0). */
import { BlobInternalService } from "@parley/api/internal/blobs";
import type { BlobRoutesOptions } from "#gateway/blobs/blob-options.ts";
import type { ByteRoute } from "#gateway/blobs/byte-route.ts";
import { checkQuery } from "#gateway/blobs/query.ts";
import { createTus } from "#gateway/blobs/tus.ts";
import { tusExtensions } from "#gateway/blobs/tus-store.ts";

const url = "/v2/uploads";
const template = "/v2/uploads/{uploadId}";

/** What OPTIONS tells a client of tus. */
export function tusHeaders(maxBytes: number): Record<string, string> {
  return {
    "tus-resumable": "1.0.0",
    "tus-version": "1.0.0",
    "tus-extension": tusExtensions.join(","),
    "tus-max-size": String(maxBytes),
  };
}

export function uploadRoutes(options: BlobRoutesOptions): ByteRoute[] {
  const serveTus = createTus(options);
  const { createUpload, getUpload, appendToUpload, deleteUpload } = BlobInternalService.method;
  const serve: ByteRoute["serve"] = async (exchange) => {
    checkQuery(exchange.request.raw, []);
    const { status, headers } = await serveTus(exchange);
    return exchange.reply.code(status).headers(headers).send();
  };
  const one = { url: `${url}/:segment2`, template, serve };
  return [
    { methods: ["POST"], url, template: url, method: createUpload, serve },
    { ...one, methods: ["HEAD"], method: getUpload },
    { ...one, methods: ["PATCH"], method: appendToUpload },
    { ...one, methods: ["DELETE"], method: deleteUpload },
  ];
}
