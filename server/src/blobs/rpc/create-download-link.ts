import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import type { CreateDownloadLinkRequest } from "@parley/api/v2/blob";
import { requireDirect } from "#blobs/direct/require-direct.ts";
import { objectName } from "#blobs/objects/object-name.ts";
import type { BlobParts } from "#blobs/parts.ts";
import { requireBlob } from "#blobs/rpc/find-blob.ts";
import { contentDisposition, nameOfKey } from "#platform/content-disposition.ts";
import { fault } from "#platform/errors.ts";
import { isHarmless } from "#platform/harmless-types.ts";

const urlExpiryS = 900;

export function createDownloadLink(parts: BlobParts) {
  return async ({ key }: CreateDownloadLinkRequest, context: HandlerContext) => {
    const direct = requireDirect(parts.store);
    const { object, contentType, metadata } = await requireBlob(parts, key, context);
    if (object.pieces) {
      const detail =
        "The blob was uploaded in several parts, which only Parley puts together: read it from there";
      throw fault("direct-transfer-unavailable", { detail });
    }
    if (object.spooledBy !== undefined) {
      const detail = "The blob is on its way to the object store: read it from Parley, or ask again later";
      throw fault("direct-transfer-unavailable", { detail });
    }
    // Without a name it would be called what the object is.
    const name = metadata?.filename ?? nameOfKey(key);
    // No header of ours says that a browser must not run it: so it is always a download, and its type one that cannot run.
    const answer = {
      contentType: isHarmless(contentType) ? contentType : "application/octet-stream",
      contentDisposition: contentDisposition("attachment", name),
    };
    const url = await direct.signDownload(objectName(object.id), answer, urlExpiryS);
    return { url, expiresAt: timestampFromMs(parts.clock.now() + urlExpiryS * 1_000) };
  };
}
