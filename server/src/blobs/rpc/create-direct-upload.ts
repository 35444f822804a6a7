import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import type { CreateDirectUploadRequest } from "@parley/api/v2/blob";
import { requireDirect } from "#blobs/direct/require-direct.ts";
import { callerOf, validContentType, validMetadata, wholeSize } from "#blobs/input.ts";
import { keyBytes } from "#blobs/key.ts";
import { objectName } from "#blobs/objects/object-name.ts";
import { beginUpload } from "#blobs/uploads/begin.ts";
import type { UploadParts } from "#blobs/uploads/upload-parts.ts";
import type { Clock } from "#platform/clock.ts";
import { fault, invalidInput } from "#platform/errors.ts";

/** Begun within that time; it may take longer. */
const urlExpiryS = 3_600;
/** What S3 takes in one request. */
const maxDirectBytes = 5_368_709_120;
const isSha256 = (text: string) => /^[0-9a-f]{64}$/.test(text);

export function createDirectUpload(parts: UploadParts & { clock: Clock }) {
  return async (request: CreateDirectUploadRequest, context: HandlerContext) => {
    const ownerId = callerOf(context).userId;
    const direct = requireDirect(parts.store);
    const size = wholeSize(request.size)!;
    if (size > maxDirectBytes)
      throw fault("too-large", { detail: `At most ${maxDirectBytes} bytes go directly` });
    if (!isSha256(request.sha256)) throw invalidInput("sha256", "must be 64 lower case hex digits");
    const upload = await beginUpload(parts, {
      ownerId,
      isDirect: true,
      key: keyBytes(request.key),
      contentType: validContentType(request.contentType),
      metadata: validMetadata(request.metadata),
      givenMetadata: "",
      size,
      sha256: Buffer.from(request.sha256, "hex"),
    });
    const announced = { size, sha256: request.sha256 };
    const signed = await direct.signUpload(objectName(upload.objectId), announced, urlExpiryS);
    const expiresAt = timestampFromMs(parts.clock.now() + urlExpiryS * 1_000);
    return { id: upload.id, ...signed, expiresAt };
  };
}
