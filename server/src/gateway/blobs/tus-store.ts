/** What @tus/server calls a data store, for one request: an upload of the blob service's. */
import type { Readable } from "node:stream";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Upload } from "@parley/api/internal/blobs";
import { type DataStore, Upload as TusUpload } from "@tus/server";
import { appendBytes } from "#gateway/blobs/append-bytes.ts";
import { type BlobRoutesOptions, createUnary } from "#gateway/blobs/blob-options.ts";
import type { ByteExchange } from "#gateway/blobs/byte-route.ts";
import { givenMetadata, readUploadMetadata } from "#gateway/blobs/upload-metadata.ts";

export const tusExtensions = [
  "creation",
  "creation-with-upload",
  "creation-defer-length",
  "expiration",
  "termination",
];

export interface TusStore {
  readonly dataStore: DataStore;
  /** What @tus/server does not know of. */
  answerHeaders(): Promise<Record<string, string>>;
}

export function createTusStore(options: BlobRoutesOptions, exchange: ByteExchange): TusStore {
  const { context, request } = exchange;
  const { blobsInternal } = options.clients;
  const unary = createUnary(options);
  let upload: Upload | undefined;
  let declaredSize: number | undefined;
  let etag: string | undefined;

  async function find(id: string): Promise<Upload> {
    const found = await unary(context, (call) => blobsInternal.getUpload({ id }, call));
    upload = found.upload!;
    return upload;
  }

  const dataStore = {
    extensions: tusExtensions,
    hasExtension: (name: string) => tusExtensions.includes(name),
    // When uploads expire is the blob service's to say, see answerHeaders().
    getExpiration: () => 0,
    async create(created: TusUpload) {
      const { size } = created;
      const wanted = {
        ...readUploadMetadata(created.metadata),
        givenMetadata: givenMetadata(request.raw),
        ...(size === undefined ? {} : { size }),
      };
      const answer = await unary(context, (call) => blobsInternal.createUpload(wanted, call));
      upload = answer.upload!;
      created.id = upload.id;
      return created;
    },
    async getUpload(id: string) {
      const { size, offset } = await find(id);
      return new TusUpload({ id, offset, ...(size === undefined ? {} : { size }) });
    },
    async declareUploadLength(_id: string, size: number) {
      declaredSize = size;
    },
    /** The body is read from the request itself; what @tus/server has here is empty. */
    async write(nothing: Readable, id: string, offset: number) {
      nothing.resume();
      const head = { id, offset, ...(declaredSize === undefined ? {} : { size: declaredSize }) };
      const answer = await appendBytes(options, exchange, head);
      etag = answer.blob?.blob?.etag;
      if (!answer.blob) await find(id);
      return answer.offset;
    },
    async remove(id: string) {
      await unary(context, (call) => blobsInternal.deleteUpload({ id }, call));
    },
  };

  return {
    dataStore: dataStore as unknown as DataStore,
    async answerHeaders() {
      const headers: Record<string, string> = {};
      if (etag !== undefined) return { etag };
      if (upload?.expiresAt && upload.offset !== upload.size) {
        headers["upload-expires"] = timestampDate(upload.expiresAt).toUTCString();
      }
      if (upload?.givenMetadata && request.method === "HEAD")
        headers["upload-metadata"] = upload.givenMetadata;
      return headers;
    },
  };
}
