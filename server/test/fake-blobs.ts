/** Blobs as the messenger calls them, of which there are none. */
import type { MessengerClients } from "#messenger/clients.ts";

export function createFakeBlobs(): MessengerClients["blobs"] {
  return {
    async attachBlobs({ blobs = [] }) {
      const missing = {
        $typeName: "parley.internal.v1.AttachedBlob" as const,
        errorCode: "blob-not-found",
        objectId: "",
        size: 0,
        contentType: "",
        etag: "",
      };
      return { $typeName: "parley.internal.v1.AttachBlobsResponse", blobs: blobs.map(() => missing) };
    },
    async prepareAttachment() {
      return { $typeName: "parley.internal.v1.PrepareAttachmentResponse", width: 0, height: 0 };
    },
    async releaseAttachments() {
      return { $typeName: "parley.internal.v1.ReleaseAttachmentsResponse" };
    },
  };
}
