/** Resumable uploads at a blobs pod, as the gateway makes them for a user. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AppendToUploadHeadSchema, CreateUploadRequestSchema } from "@parley/api/internal/blobs";
import type { BlobPod, BlobUser } from "#test/blob-pod.ts";

type Head = Omit<MessageInitShape<typeof AppendToUploadHeadSchema>, "$typeName">;
type Request = Omit<MessageInitShape<typeof CreateUploadRequestSchema>, "$typeName">;
type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

export function uploader({ internal }: BlobPod, { headers }: BlobUser) {
  return {
    create: async (request: Request) => (await internal.createUpload(request, { headers })).upload!,
    find: async (id: string) => (await internal.getUpload({ id }, { headers })).upload!,
    append: (id: string, offset: number, bytes: string | Uint8Array | Chunks, head: Head = {}) =>
      internal.appendToUpload(messages({ id, offset, ...head }, toChunks(bytes)), { headers }),
    delete: (id: string) => internal.deleteUpload({ id }, { headers }),
  };
}

function toChunks(bytes: string | Uint8Array | Chunks): Chunks {
  if (typeof bytes === "string") return [Buffer.from(bytes)];
  return ArrayBuffer.isView(bytes) ? [bytes] : bytes;
}

async function* messages(head: Head, chunks: Chunks) {
  yield { part: { case: "head" as const, value: head } };
  for await (const value of chunks) yield { part: { case: "data" as const, value } };
}

/** Some bytes, and then the line breaks. */
export async function* breakingOff(...chunks: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  throw new Error("the line broke");
}
