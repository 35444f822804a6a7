/** DELETE /v2/blobs/{key}. */
import type { IncomingMessage } from "node:http";
import { keyOf } from "#gateway/blobs/blob-key.ts";
import { type BlobRoutesOptions, createUnary, type Unary } from "#gateway/blobs/blob-options.ts";
import { matchesStrongly, readTags, type TagList } from "#gateway/blobs/entity-tags.ts";
import type { CallContext } from "#gateway/call.ts";
import { fault, invalidInput, toPublicError } from "#platform/errors.ts";

export function createDeleteBlob(options: BlobRoutesOptions) {
  const unary = createUnary(options);
  const { blobs } = options.clients;
  return async ({ url = "", headers }: IncomingMessage, context: CallContext): Promise<void> => {
    const key = keyOf(url);
    for (const name of ["If-None-Match", "If-Unmodified-Since"]) {
      if (headers[name.toLowerCase()] !== undefined) throw invalidInput(name, "give If-Match");
    }
    const tags = readTags("If-Match", headers["if-match"]);
    const ifMatch = tags ? await tagToMatch({ tags, key, unary, context }, options) : "";
    await unary(context, (call) => blobs.deleteBlob({ key, ifMatch }, call));
  };
}

interface Condition {
  tags: TagList;
  key: string;
  unary: Unary;
  context: CallContext;
}

/** The service takes one entity tag. Of several, or of any, it is the one that the blob has now. */
async function tagToMatch(
  { tags, key, unary, context }: Condition,
  options: BlobRoutesOptions,
): Promise<string> {
  if (tags !== "*" && tags.length === 1) {
    if (tags[0]!.startsWith("W/")) throw fault("precondition-failed");
    return tags[0]!;
  }
  const { blobsInternal } = options.clients;
  const { blob } = await unary(context, (call) => blobsInternal.findBlob({ key }, call)).catch((error) => {
    throw toPublicError(error).code === "blob-not-found" ? fault("precondition-failed") : error;
  });
  const { etag } = blob!.blob!;
  if (!matchesStrongly(tags, etag)) throw fault("precondition-failed");
  return etag;
}
