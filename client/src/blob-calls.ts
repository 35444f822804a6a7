/** Binary data by key: what a user keeps on the server, each under keys of their own. */
import type { BlobJson, GetBlobUsageResponseJson, ListBlobsResponseJson } from "@parley/api/v2/blob";
import {
  type BlobInfo,
  blobPath,
  type Download,
  infoOf,
  metadataHeaders,
  rangeHeader,
  toBlobInfo,
  toDownload,
} from "./blob-shapes.ts";
import type { ByteCalls } from "./byte-calls.ts";
import { isTransient, ParleyError } from "./error.ts";
import { type Persistence, persist } from "./persist.ts";
import { query, type Rest } from "./rest.ts";
import { reservedNames, uploadResumably } from "./resumable-upload.ts";
import { type Bytes, sizeOf } from "./send-bytes.ts";

export type BlobContent = Blob | Uint8Array<ArrayBuffer> | ArrayBuffer | string | ReadableStream<Uint8Array>;

export interface Progress {
  /** In bytes; never falls. */
  sent: number;
  /** undefined for a stream. */
  size: number | undefined;
}

export interface PutOptions {
  /** Default: that of a Blob or File, else "application/octet-stream". */
  contentType?: string;
  metadata?: Record<string, string>;
  /** Only if the blob is this one now: its `etag`, or "*" for any. Else "precondition-failed". */
  ifMatch?: string;
  /** "*": only if there is none yet. */
  ifNoneMatch?: string;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

export interface GetOptions {
  /** Both inclusive; without `to` up to the end. */
  range?: { from: number; to?: number };
  signal?: AbortSignal;
}

export interface Blobs {
  /**
   * Stores bytes under a key, in place of what was there. When it resolves they are there for every reader; when it
   * rejects nothing has changed, unless it was with "network" or "timeout". Lost connections are survived; what is
   * large goes on where it broke off. A stream is sent once.
   */
  put(key: string, content: BlobContent, options?: PutOptions): Promise<BlobInfo>;
  /** Resolves when the bytes begin to come. */
  get(key: string, options?: GetOptions): Promise<Download & { blob: BlobInfo }>;
  head(key: string, options?: { signal?: AbortSignal }): Promise<BlobInfo>;
  /** One that does not exist is deleted already. Messages that it is attached to keep it. */
  delete(key: string, options?: { ifMatch?: string }): Promise<void>;
  /** In the order of their keys' bytes. */
  list(page?: BlobPage): Promise<{ blobs: BlobInfo[]; nextCursor?: string }>;
  listAll(options?: { prefix?: string }): AsyncIterable<BlobInfo>;
  /** How many bytes are kept here, attachments included, and how many may be. */
  usage(): Promise<BlobUsage>;
}

export interface BlobPage {
  prefix?: string;
  limit?: number;
  /** nextCursor of the page before. */
  cursor?: string;
}

export interface BlobUsage {
  used: number;
  quota: number;
  blobCount: number;
}

export interface BlobParts {
  calls: ByteCalls;
  rest: Rest;
  persistence: Persistence;
  /** From this size on uploads are resumable, and go in parts of it. */
  partBytes: number;
}

export function createBlobs(parts: BlobParts): Blobs {
  const { calls, rest, persistence } = parts;

  async function read(key: string, { range, signal }: GetOptions, method: "GET" | "HEAD") {
    const headers = range ? { range: rangeHeader(range) } : {};
    const call = { method, path: blobPath(key), headers, signal } as const;
    return persist(persistence, () => calls(call).catch(nameMissing(method)), { signal });
  }

  async function list(page: BlobPage = {}): Promise<{ blobs: BlobInfo[]; nextCursor?: string }> {
    const { blobs = [], nextCursor } = await rest.call<ListBlobsResponseJson>(
      "GET",
      `/v2/blobs${query({ ...page })}`,
    );
    return { blobs: blobs.map(toBlobInfo), ...(nextCursor ? { nextCursor } : {}) };
  }

  return {
    put: (key, content, options = {}) => put(parts, key, content, options),
    async get(key, options = {}) {
      const response = await read(key, options, "GET");
      return { blob: infoOf(key, response), ...toDownload(response) };
    },
    async head(key, options = {}) {
      return infoOf(key, await read(key, options, "HEAD"));
    },
    async delete(key, { ifMatch } = {}) {
      const headers = ifMatch === undefined ? {} : { "if-match": ifMatch };
      await calls({ method: "DELETE", path: blobPath(key), headers });
    },
    list,
    async *listAll({ prefix } = {}) {
      let cursor: string | undefined;
      do {
        const page = await list({ ...(prefix ? { prefix } : {}), ...(cursor ? { cursor } : {}) });
        yield* page.blobs;
        cursor = page.nextCursor;
      } while (cursor);
    },
    async usage() {
      const answer = await rest.call<GetBlobUsageResponseJson>("GET", "/v2/blob-usage");
      const { used = 0, quota = 0, blobCount = 0 } = answer;
      return { used: Number(used), quota: Number(quota), blobCount };
    },
  };
}

async function put(
  parts: BlobParts,
  key: string,
  content: BlobContent,
  options: PutOptions,
): Promise<BlobInfo> {
  const { calls, persistence, partBytes } = parts;
  const { metadata = {}, ifMatch, ifNoneMatch, signal } = options;
  const path = blobPath(key);
  const body = bodyOf(content);
  const size = body instanceof ReadableStream ? undefined : sizeOf(body);
  const contentType =
    options.contentType || (body instanceof Blob && body.type) || "application/octet-stream";
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

/** An answer to HEAD has no body that could say what its status means. */
function nameMissing(method: "GET" | "HEAD") {
  return (error: unknown): never => {
    if (method === "HEAD" && error instanceof ParleyError && error.status === 404)
      throw new ParleyError("blob-not-found", { status: 404, cause: error });
    throw error;
  };
}
