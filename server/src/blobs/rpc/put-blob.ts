import type { HandlerContext } from "@connectrpc/connect";
import type { PutBlobHead, PutBlobRequest } from "@parley/api/internal/blobs";
import { admitPut } from "#blobs/admit-put.ts";
import { storedBlobView } from "#blobs/blob-view.ts";
import { callerOf, validContentType, validMetadata, wholeSize } from "#blobs/input.ts";
import { keyBytes } from "#blobs/key.ts";
import type { WrittenObject } from "#blobs/objects/objects.ts";
import type { BlobParts } from "#blobs/parts.ts";
import { toPutCondition } from "#blobs/put-condition.ts";
import type { Put, PutOutcome } from "#blobs/store-puts.ts";
import { readStreamedRequest } from "#blobs/streamed-request.ts";
import { fault, toPublicError } from "#platform/errors.ts";

export function putBlob(parts: BlobParts) {
  return async (requests: AsyncIterable<PutBlobRequest>, context: HandlerContext) => {
    const { transfers, metrics } = parts;
    const leave = transfers.enter(context.signal);
    const done = metrics.putStarted();
    try {
      const { userId } = callerOf(context);
      const { head, data } = await readStreamedRequest(requests);
      const answer = await storeBlob(parts, toPut(head, userId), data, context.signal);
      done(undefined);
      return answer;
    } catch (error) {
      done(error);
      throw error;
    } finally {
      leave();
    }
  };
}

type PutTo = Omit<Put, "object">;

interface AnnouncedPut extends PutTo {
  size: number | undefined;
  sha256: Uint8Array | undefined;
}

const sha256Bytes = 32;

function toPut(head: PutBlobHead, ownerId: string): AnnouncedPut {
  const { sha256 } = head;
  if (sha256.length !== 0 && sha256.length !== sha256Bytes)
    throw fault("malformed-request", { detail: "A SHA-256 has 32 bytes" });
  return {
    ownerId,
    key: keyBytes(head.key),
    contentType: validContentType(head.contentType),
    metadata: validMetadata(head.metadata),
    condition: toPutCondition(head.condition),
    size: wholeSize(head.size),
    sha256: sha256.length === 0 ? undefined : sha256,
  };
}

async function storeBlob(
  parts: BlobParts,
  { size, sha256, ...to }: AnnouncedPut,
  data: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
) {
  const { config, objects, metrics } = parts;
  await admitPut(parts, to, size);
  const object = await objects.write(counted(data, metrics.received), {
    size,
    maxBytes: config.PARLEY_BLOB_MAX_BYTES,
    sha256,
    mayBeSpooled: mayBeSpooled(config.PARLEY_BLOB_WRITE_BACK, to.key.toString()),
    signal,
  });
  const put = { ...to, object };
  const outcome = await commit(parts, put, object);
  const { updatedAtMs, isCreated } = outcome;
  const { sha256: hash, ...stored } = object;
  const row = { ...to, object: { ...stored, pieces: undefined }, sha256: Buffer.from(hash), updatedAtMs };
  return { blob: storedBlobView(row), created: isCreated };
}

/** An object of which nobody knows whether it was committed stays: the sweep finds out. */
async function commit(
  { commitPut, objects }: BlobParts,
  put: Put,
  object: WrittenObject,
): Promise<Exclude<PutOutcome, { refusal: string }>> {
  let outcome: PutOutcome;
  try {
    outcome = await commitPut(put);
  } catch (error) {
    if (toPublicError(error).code === "overloaded") await objects.discard(object);
    throw error;
  }
  if ("refusal" in outcome) {
    await objects.discard(object);
    throw fault(outcome.refusal);
  }
  return outcome;
}

async function* counted(data: AsyncIterable<Uint8Array>, count: (bytes: number) => void) {
  for await (const chunk of data) {
    count(chunk.byteLength);
    yield chunk;
  }
}

function mayBeSpooled(prefixes: readonly string[], key: string): boolean {
  return prefixes.some((prefix) => prefix === "*" || key.startsWith(prefix));
}
