import type { ReleaseAttachmentsRequest, ReleaseAttachmentsResponse } from "@parley/api/internal/blobs";
import type { BlobParts } from "#blobs/parts.ts";
import { storeRelease } from "#blobs/store-attachments.ts";
import { invalidInput } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

const maxIds = 1_000;

export function releaseAttachments({ database }: BlobParts) {
  return async ({ attachmentIds }: ReleaseAttachmentsRequest): Promise<ReleaseAttachmentsResponse> => {
    if (attachmentIds.length > maxIds) {
      throw invalidInput("attachmentIds", `must hold at most ${maxIds} items`);
    }
    // What is no id is nothing that is held.
    const ids = attachmentIds.filter(isUuid);
    if (ids.length > 0) await storeRelease(database, ids);
    return { $typeName: "parley.internal.v1.ReleaseAttachmentsResponse" };
  };
}
