/** The ways in which the bytes of a blob go to the server. */
import type { BlobJson } from "@parley/api/v2/blob";
import { type BlobInfo, blobPath, infoOf, metadataHeaders, toBlobInfo } from "./blob-shapes.ts";
import type { ByteCalls } from "./byte-calls.ts";
import type { ExchangeBytes } from "./byte-exchange.ts";
import { uploadDirectly } from "./direct-upload.ts";
import { isTransient, type ParleyError } from "./error.ts";
import { type Persistence, persist } from "./persist.ts";
import type { Rest } from "./rest.ts";
import { reservedNames, uploadResumably } from "./resumable-upload.ts";
import { type Bytes, sizeOf } from "./send-bytes.ts";

export type BlobContent = Blob | Uint8Array<ArrayBuffer> | ArrayBuffer | string | ReadableStream<Uint8Array>;

export interface Progress {
  /** In bytes; never falls. */
  sent: number;
  /** undefined for a stream. */
  size: number | undefined;
}

interface TransferOptions {
  /** Default: that of a Blob or File, else "application/octet-stream". */
  contentType?: string;
  metadata?: Record<string, string>;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

export interface PutOptions extends TransferOptions {
  /** Only if the blob is this one now: its `etag`, or "*" for any. Else "precondition-failed". */
  ifMatch?: string;
  /** "*": only if there is none yet. */
  ifNoneMatch?: string;
}

export interface DirectPutOptions extends TransferOptions {
  /** Of the bytes, in hex. Without it they are read into memory for it. */
  sha256?: string;
}

export interface BlobPutParts {
  calls: ByteCalls;
  exchange: ExchangeBytes;
  rest: Rest;
  persistence: Persistence;
  /** From this size on uploads are resumable, and go in parts of it. */
  partBytes: number;
}

export async function put(
  parts: BlobPutParts,
  key: string,
  content: BlobContent,
  options: PutOptions,
): Promise<BlobInfo> {
  const { calls, persistence, partBytes } = parts;
  const { metadata = {}, ifMatch, ifNoneMatch, signal } = options;
  const path = blobPath(key);
  const body = bodyOf(content);
  const size = body instanceof ReadableStream ? undefined : sizeOf(body);
  const contentType = contentTypeOf(body, options);
  const onSent = rising((sent) => options.onProgress?.({ sent, size }));
  const isConditional = ifMatch !== undefined || ifNoneMatch !== undefined;
  const hasReserved = Object.keys(metadata).some((name) => reservedNames.has(name.toLowerCase()));
  if (!(body instanceof ReadableStream) && sizeOf(body) > partBytes && !isConditional && !hasReserved) {
    await uploadResumably(parts, { bytes: body, key, contentType, metadata, onSent, signal });
    return infoOf(key, await calls({ method: "HEAD", path, signal }));
  }
  const headers = {
    "content-type": contentType,
    ...metadataHeaders(metadata),
    ...(ifMatch === undefined ? {} : { "if-match": ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { "if-none-match": ifNoneMatch }),
  };
  // With a condition, a put whose answer was lost would be refused the second time although it was done.
  const mayRepeat = (error: unknown) =>
    isTransient(error) && size !== undefined && !(isConditional && (error as ParleyError).status === 0);
  const run = () => calls({ method: "PUT", path, headers, body, onSent, signal });
  const response = await persist(persistence, run, { signal, mayRepeat });
  return toBlobInfo((await response.json()) as BlobJson);
}

export function putDirectly(
  parts: BlobPutParts,
  key: string,
  bytes: Bytes,
  options: DirectPutOptions,
): Promise<BlobInfo> {
  const { metadata = {}, sha256, signal, onProgress } = options;
  const size = sizeOf(bytes);
  const onSent = rising((sent) => onProgress?.({ sent, size }));
  const contentType = contentTypeOf(bytes, options);
  return uploadDirectly(parts, { bytes, key, contentType, metadata, sha256, onSent, signal });
}

function contentTypeOf(body: unknown, { contentType }: TransferOptions): string {
  return contentType || (body instanceof Blob && body.type) || "application/octet-stream";
}

function bodyOf(content: BlobContent): Bytes | ReadableStream<Uint8Array> {
  if (typeof content === "string") return new TextEncoder().encode(content);
  return content instanceof ArrayBuffer ? new Uint8Array(content) : content;
}

/** A transfer that starts again begins below what was told already. */
function rising(tell: (bytes: number) => void): (bytes: number) => void {
  let most = -1;
  return (bytes) => {
    if (bytes <= most) return;
    most = bytes;
    tell(bytes);
  };
}
