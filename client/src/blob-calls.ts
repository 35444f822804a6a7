/** Binary data by key: what a user keeps on the server, each under keys of their own. */
import type {
  CreateDownloadLinkResponseJson,
  GetBlobUsageResponseJson,
  ListBlobsResponseJson,
} from "@parley/api/v2/blob";
import {
  type BlobContent,
  type BlobPutParts,
  type DirectPutOptions,
  type PutOptions,
  put,
  putDirectly,
} from "./blob-puts.ts";
import {
  type BlobInfo,
  blobPath,
  type Download,
  infoOf,
  rangeHeader,
  toBlobInfo,
  toDownload,
} from "./blob-shapes.ts";
import { ParleyError } from "./error.ts";
import { persist } from "./persist.ts";
import { query } from "./rest.ts";
import type { Bytes } from "./send-bytes.ts";

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
  /**
   * As put, but the bytes go straight to the object store: at most 5 GiB, and only where the server's store is S3, else
   * "direct-transfer-unavailable". Rejects with "store-refused" when the store does not take them.
   */
  putDirectly(key: string, content: Bytes, options?: DirectPutOptions): Promise<BlobInfo>;
  /** Resolves when the bytes begin to come. */
  get(key: string, options?: GetOptions): Promise<Download & { blob: BlobInfo }>;
  head(key: string, options?: { signal?: AbortSignal }): Promise<BlobInfo>;
  /**
   * A URL to the bytes as they are now, straight from the object store, for whoever has it; it expires after a quarter of
   * an hour. Only where the server's store is S3, and not for what was uploaded in parts: "direct-transfer-unavailable".
   */
  createDownloadLink(key: string): Promise<DownloadLink>;
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

export interface DownloadLink {
  url: string;
  expiresAt: string;
}

export interface BlobUsage {
  used: number;
  quota: number;
  blobCount: number;
}

export function createBlobs(parts: BlobPutParts): Blobs {
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
    putDirectly: (key, content, options = {}) => putDirectly(parts, key, content, options),
    async createDownloadLink(key) {
      const answer = await rest.call<CreateDownloadLinkResponseJson>("POST", "/v2/download-links", { key });
      return { url: answer.url ?? "", expiresAt: answer.expiresAt ?? "" };
    },
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

/** An answer to HEAD has no body that could say what its status means. */
function nameMissing(method: "GET" | "HEAD") {
  return (error: unknown): never => {
    if (method === "HEAD" && error instanceof ParleyError && error.status === 404)
      throw new ParleyError("blob-not-found", { status: 404, cause: error });
    throw error;
  };
}
