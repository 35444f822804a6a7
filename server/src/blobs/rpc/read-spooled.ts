import type { HandlerContext } from "@connectrpc/connect";
import type { ReadSpooledRequest } from "@parley/api/internal/blobs";
import { wholeSize } from "#blobs/input.ts";
import { objectName } from "#blobs/objects/object-name.ts";
import type { PodSpool } from "#blobs/spool/create-spool.ts";
import { ObjectMissing } from "#blobs/stores/object-store.ts";
import { fault, invalidInput } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

/** Of another pod, which has looked up that the bytes are here; "blob-not-found" when they are not any more. */
export function readSpooled(spool: PodSpool) {
  return async function* (request: ReadSpooledRequest, { signal }: HandlerContext) {
    const offset = wholeSize(request.offset, "offset") ?? 0;
    const length = wholeSize(request.length, "length");
    if (!isUuid(request.objectId)) throw invalidInput("objectId", "must be a UUID");
    if (length === undefined) throw invalidInput("length", "is required");
    try {
      const bytes = await spool.readHere(objectName(request.objectId), { offset, length }, signal);
      for await (const data of bytes) yield { data };
    } catch (error) {
      throw error instanceof ObjectMissing ? fault("blob-not-found", { cause: error }) : error;
    }
  };
}
