/** Blobs as the messenger calls them, in memory. */
import { createHash, randomUUID } from "node:crypto";
import type { AttachedBlob, PrepareAttachmentResponse } from "@parley/api/internal/blobs";
import type { MessengerClients } from "#messenger/clients.ts";
import { type ErrorCode, fault } from "#platform/errors.ts";

type BlobsClient = MessengerClients["blobs"];

export interface FakeBlobs extends BlobsClient {
  /** Another blob of the owner's under this key. */
  put(ownerId: string, key: string, blob?: { contentType?: string; size?: number }): void;
  remove(ownerId: string, key: string): void;
  /** By attachment id: what is held for messages. */
  readonly held: ReadonlyMap<string, AttachedBlob>;
  /** Attachment ids, as often as they were asked about. */
  readonly looked: string[];
  /** All calls fail with it as long as it is set. */
  failure: ErrorCode | undefined;
  /** Awaited before anything is attached. */
  beforeAttach: () => Promise<void>;
}

const typed = <Name extends string>($typeName: Name) => ({ $typeName });

const refused = (errorCode: ErrorCode): AttachedBlob => ({
  ...typed("parley.internal.v1.AttachedBlob"),
  errorCode,
  objectId: "",
  size: 0,
  contentType: "",
  etag: "",
});

/** Every image is one of 640 by 480, with a thumbnail. */
function prepare(blob: AttachedBlob): PrepareAttachmentResponse {
  const answer = typed("parley.internal.v1.PrepareAttachmentResponse");
  if (!blob.contentType.startsWith("image/")) return { ...answer, width: 0, height: 0 };
  const thumbnail = { objectId: randomUUID(), size: 99, contentType: "image/webp", etag: '"small"' };
  return {
    ...answer,
    width: 640,
    height: 480,
    thumbnail: { ...typed("parley.internal.v1.Thumbnail"), ...thumbnail },
  };
}

export function createFakeBlobs(): FakeBlobs {
  const blobs = new Map<string, AttachedBlob>();
  const held = new Map<string, AttachedBlob>();
  const looked: string[] = [];
  const keyOf = (ownerId: string, key: string) => `${ownerId} ${key}`;
  const requireThere = () => {
    if (fake.failure) throw fault(fake.failure);
  };
  const fake: FakeBlobs = {
    held,
    looked,
    failure: undefined,
    beforeAttach: async () => {},
    put(ownerId, key, { contentType = "text/plain", size = 5 } = {}) {
      const objectId = randomUUID();
      const etag = `"${createHash("sha256").update(objectId).digest("hex")}"`;
      blobs.set(keyOf(ownerId, key), {
        ...typed("parley.internal.v1.AttachedBlob"),
        errorCode: "",
        objectId,
        size,
        contentType,
        etag,
      });
    },
    remove(ownerId, key) {
      blobs.delete(keyOf(ownerId, key));
    },
    async attachBlobs({ blobs: asked = [] }) {
      await fake.beforeAttach();
      requireThere();
      const answers = asked.map(({ attachmentId = "", ownerId = "", key = "" }) => {
        const blob = held.get(attachmentId) ?? blobs.get(keyOf(ownerId, key));
        if (blob) held.set(attachmentId, blob);
        return blob ?? refused("blob-not-found");
      });
      return { ...typed("parley.internal.v1.AttachBlobsResponse"), blobs: answers };
    },
    async prepareAttachment({ attachmentId = "" }) {
      looked.push(attachmentId);
      requireThere();
      const blob = held.get(attachmentId);
      if (!blob) throw fault("attachment-not-found");
      return prepare(blob);
    },
    async releaseAttachments({ attachmentIds = [] }) {
      requireThere();
      for (const id of attachmentIds) held.delete(id);
      return typed("parley.internal.v1.ReleaseAttachmentsResponse");
    },
  };
  return fake;
}
