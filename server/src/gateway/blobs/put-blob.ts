/** PUT /v2/blobs/{key}: the body becomes the blob, whole or not at all. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PutBlobHeadSchema, PutBlobRequestSchema } from "@parley/api/internal/blobs";
import { type Blob, BlobSchema } from "@parley/api/v2/blob";
import { blobPath, keyOf } from "#gateway/blobs/blob-key.ts";
import { type BlobRoutesOptions, streamOptions } from "#gateway/blobs/blob-options.ts";
import { readDigest } from "#gateway/blobs/content-digest.ts";
import { giveLeave } from "#gateway/blobs/expectation.ts";
import { writeCondition } from "#gateway/blobs/preconditions.ts";
import { requestBytes } from "#gateway/blobs/request-bytes.ts";
import { beginTransfer, type Transfer } from "#gateway/blobs/transfer.ts";
import { metadataOf } from "#gateway/blobs/user-metadata.ts";
import type { CallContext } from "#gateway/call.ts";
import { encodeJson } from "#gateway/json/json-encoder.ts";
import { fault, invalidInput } from "#platform/errors.ts";

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body?: string;
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  context: CallContext;
}

export async function putBlob(options: BlobRoutesOptions, exchange: Exchange): Promise<Answer> {
  const { request, response, context } = exchange;
  const { clients, transferTurns, limits } = options;
  const head = readHead(request, options.maxBlobBytes);
  const transfer = beginTransfer(response, limits);
  const { signal } = transfer;
  try {
    const turn = { timeoutMs: options.timeoutMs, signal };
    const { blob, created } = await transferTurns.run(context.caller!.userId, turn, () =>
      transfer.unlessAborted(
        clients.blobsInternal.putBlob(
          partsOf(head, request, response, transfer),
          streamOptions(context, signal),
        ),
      ),
    );
    return answer(blob!.blob!, created);
  } finally {
    transfer.end();
  }
}

type Head = MessageInitShape<typeof PutBlobHeadSchema>;

async function* partsOf(
  head: Head,
  request: IncomingMessage,
  response: ServerResponse,
  transfer: Transfer,
): AsyncGenerator<MessageInitShape<typeof PutBlobRequestSchema>> {
  yield { part: { case: "head", value: head } };
  // Whoever refuses does so before this is asked for.
  giveLeave(request, response);
  for await (const value of requestBytes(request, transfer)) yield { part: { case: "data", value } };
}

/** Throws "malformed-request", "invalid-input", "unsupported-media-type", "too-large" or "digest-mismatch". */
function readHead({ url = "", headers }: IncomingMessage, maxBytes: number): Head {
  refuseTransformed(headers);
  const size = headers["content-length"] === undefined ? undefined : Number(headers["content-length"]);
  // Without either header a request has no body (RFC 9112, 6.3).
  const knownSize = size ?? (headers["transfer-encoding"] === undefined ? 0 : undefined);
  if (knownSize !== undefined && knownSize > maxBytes) throw fault("too-large");
  const sha256 = readDigest(headers);
  return {
    key: keyOf(url),
    contentType: headers["content-type"] ?? "",
    metadata: metadataOf(headers),
    condition: writeCondition(headers),
    ...(sha256 ? { sha256 } : {}),
    ...(knownSize === undefined ? {} : { size: knownSize }),
  };
}

function refuseTransformed(headers: IncomingHttpHeaders) {
  if ((headers["content-encoding"] ?? "identity").toLowerCase() !== "identity") {
    throw fault("unsupported-media-type", { detail: "Bytes are kept as they are: send no Content-Encoding" });
  }
  // To store a part as if it were the whole would destroy the rest (RFC 9110, 14.5).
  if (headers["content-range"] !== undefined) throw invalidInput("Content-Range", "a blob is put as a whole");
}

function answer(blob: Blob, created: boolean): Answer {
  return {
    status: created ? 201 : 200,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
      etag: blob.etag,
      ...(created ? { location: blobPath(blob.key) } : {}),
    },
    body: encodeJson(BlobSchema, blob),
  };
}
