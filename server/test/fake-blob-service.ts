/** The blob service as the gateway sees it, for tests of the gateway: in memory, and everybody's keys are the same. */
import { createHash, randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { BlobInternalService, type WriteCondition, WriteConditionSchema } from "@parley/api/internal/blobs";
import { MessengerInternalService } from "@parley/api/internal/messenger";
import { BlobService } from "@parley/api/v2/blob";
import { fault } from "#platform/errors.ts";

interface FakeBlob {
  objectId: string;
  key: string;
  bytes: Buffer;
  contentType: string;
  metadata: Record<string, string>;
  updatedAtMs: number;
}

interface FakeUpload extends Omit<FakeBlob, "updatedAtMs"> {
  size: number | undefined;
  givenMetadata: string;
}

const etagOf = (bytes: Uint8Array) => `"${createHash("sha256").update(bytes).digest("hex")}"`;

export function createFakeBlobService() {
  const blobs = new Map<string, FakeBlob>();
  const uploads = new Map<string, FakeUpload>();
  const objects = new Map<string, Buffer>();
  /** What tests look at, and how they make it fail. */
  const state = {
    puts: 0,
    putsWithBytes: 0,
    brokenPuts: 0,
    endedReads: 0,
    chunkBytes: 65_536,
    /** Refuses before it asks for bytes. */
    refusePut: undefined as Error | undefined,
    failReadAfter: Number.POSITIVE_INFINITY,
    isStuck: false,
    attachment: undefined as
      | { objectId: string; etag: string; name: string; contentType: string }
      | undefined,
  };

  function keep(key: string, bytes: Buffer, contentType: string, metadata: Record<string, string>): FakeBlob {
    const updatedAtMs = Date.now();
    const blob = { objectId: randomUUID(), key, bytes, contentType, metadata, updatedAtMs };
    blobs.set(key, blob);
    objects.set(blob.objectId, bytes);
    return blob;
  }

  const uploadView = (id: string, { bytes, size, objectId: _, ...rest }: FakeUpload) => ({
    id,
    ...rest,
    offset: bytes.length,
    expiresAt: timestampFromMs(Date.now() + 3_600_000),
    ...(size === undefined ? {} : { size }),
  });
  const find = (id: string) => {
    const upload = uploads.get(id);
    if (!upload) throw fault("upload-not-found");
    return upload;
  };

  return {
    state,
    blobs,
    uploads,
    keep,
    routes(router: ConnectRouter) {
      router.service(BlobService, {
        listBlobs: () => ({ blobs: [...blobs.values()].map((blob) => stored(blob).blob) }),
        deleteBlob({ key, ifMatch }) {
          const found = blobs.get(key);
          if (ifMatch !== "" && (!found || etagOf(found.bytes) !== ifMatch))
            throw fault("precondition-failed");
          blobs.delete(key);
          return {};
        },
      });
      router.rpc(MessengerInternalService.method.findAttachment, ({ messageId }) => {
        const { attachment } = state;
        if (!attachment || messageId !== "message-1") throw fault("attachment-not-found");
        const { objectId, etag, name, contentType } = attachment;
        const { size } = { size: objects.get(objectId)!.length };
        return {
          attachment: { name, contentType, size },
          objectId,
          etag,
          thumbnail: { objectId, etag, size, contentType },
        };
      });
      router.service(BlobInternalService, {
        findBlob({ key }) {
          const blob = blobs.get(key);
          if (!blob) throw fault("blob-not-found");
          return { blob: stored(blob) };
        },
        async putBlob(requests) {
          const iterator = requests[Symbol.asyncIterator]();
          const { part } = (await iterator.next()).value!;
          if (part.case !== "head") throw fault("malformed-request");
          const { key, contentType, metadata, condition, sha256 } = part.value;
          state.puts += 1;
          if (state.refusePut) throw state.refusePut;
          const present = blobs.get(key);
          judge(condition ?? create(WriteConditionSchema), present);
          state.putsWithBytes += 1;
          const chunks: Uint8Array[] = [];
          try {
            for await (const { part } of { [Symbol.asyncIterator]: () => iterator }) {
              if (part.case === "data") chunks.push(Buffer.from(part.value));
            }
          } catch (error) {
            state.brokenPuts += 1;
            throw error;
          }
          const bytes = Buffer.concat(chunks);
          const digest = createHash("sha256").update(bytes).digest();
          if (sha256.length > 0 && !digest.equals(sha256)) throw fault("digest-mismatch");
          return { blob: stored(keep(key, bytes, contentType, metadata)), created: !present };
        },
        async *readObject({ objectId, offset = 0, length }, { signal }) {
          const bytes = objects.get(objectId)!;
          const end = offset + (length ?? bytes.length);
          try {
            for (let at = offset; at < end; at += state.chunkBytes) {
              signal.throwIfAborted();
              if (at - offset >= state.failReadAfter) throw fault("blob-store-unavailable");
              if (state.isStuck) await new Promise(() => {});
              yield { data: bytes.subarray(at, Math.min(end, at + state.chunkBytes)) };
            }
          } finally {
            state.endedReads += 1;
          }
        },
        createUpload({ key, contentType, metadata, size, givenMetadata }) {
          const id = randomUUID();
          const upload = {
            key,
            contentType,
            metadata,
            size,
            givenMetadata,
            bytes: Buffer.alloc(0),
            objectId: "",
          };
          uploads.set(id, upload);
          return { upload: uploadView(id, upload) };
        },
        getUpload: ({ id }) => ({ upload: uploadView(id, find(id)) }),
        async appendToUpload(requests) {
          const iterator = requests[Symbol.asyncIterator]();
          const { part } = (await iterator.next()).value!;
          if (part.case !== "head") throw fault("malformed-request");
          const upload = find(part.value.id);
          const { offset, size } = part.value;
          if (offset !== upload.bytes.length) throw fault("upload-offset-mismatch");
          const chunks: Uint8Array[] = [upload.bytes];
          for await (const { part } of { [Symbol.asyncIterator]: () => iterator }) {
            if (part.case === "data") chunks.push(Buffer.from(part.value));
          }
          if (offset !== upload.bytes.length) throw fault("upload-offset-mismatch");
          upload.size ??= size;
          upload.bytes = Buffer.concat(chunks);
          if (upload.bytes.length !== upload.size) return { offset: upload.bytes.length };
          const { key, bytes, contentType, metadata } = upload;
          return { offset: bytes.length, blob: stored(keep(key, bytes, contentType, metadata)) };
        },
        deleteUpload({ id }) {
          find(id);
          uploads.delete(id);
          return {};
        },
      });
    },
  };
}

function stored({ objectId, key, bytes, contentType, metadata, updatedAtMs }: FakeBlob) {
  const type = contentType || "application/octet-stream";
  const updatedAt = timestampFromMs(updatedAtMs);
  return {
    objectId,
    blob: { key, size: bytes.length, contentType: type, etag: etagOf(bytes), metadata, updatedAt },
  };
}

function judge(condition: WriteCondition, present: FakeBlob | undefined) {
  const etag = present ? etagOf(present.bytes) : undefined;
  const { absent, present: mustBe, etags, notEtags } = condition;
  const isRefused =
    (absent && present) ||
    (mustBe && !present) ||
    (etags.length > 0 && (etag === undefined || !etags.includes(etag))) ||
    (etag !== undefined && notEtags.includes(etag));
  if (isRefused) throw fault("precondition-failed");
}
