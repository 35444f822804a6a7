/** A blobs service by itself, as one of several pods on one database and one store; and people who use it. */
import { createHash, randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type CallOptions, createClient } from "@connectrpc/connect";
import { BlobInternalService, type PutBlobHeadSchema } from "@parley/api/internal/blobs";
import { BlobService } from "@parley/api/v2/blob";
import { type BlobConfig, blobSettings } from "#blobs/config.ts";
import { type BlobsOptions, createBlobs } from "#blobs/service.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { actorHeaders } from "#platform/actor.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { type ErrorCode, toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { readSettings } from "#platform/settings.ts";
import { noTelemetry, type Telemetry } from "#platform/telemetry.ts";

export interface BlobPodOptions {
  database: Database;
  store: ObjectStore;
  /** Not held to the ranges of the settings. */
  config?: Partial<BlobConfig>;
  clock?: Clock;
  /** Only of pods that spool. */
  dataDir?: string;
  toPod?: BlobsOptions["toPod"];
  telemetry?: Telemetry;
}

/** Not held to the ranges of the settings. */
export function blobConfig(config: Partial<BlobConfig> = {}): BlobConfig {
  return { ...readSettings(blobSettings, {}, []), ...config };
}

export async function startBlobPod(options: BlobPodOptions) {
  const { database, store, config = {}, clock = { now: Date.now }, telemetry = noTelemetry } = options;
  const service = createBlobs({
    config: blobConfig(config),
    dataDir: options.dataDir ?? join(tmpdir(), "parley-blobs-unused"),
    ...(options.toPod ? { toPod: options.toPod } : {}),
    database,
    store,
    clock,
    telemetry,
    log: createLog(process.env.PARLEY_TEST_LOG === "1" ? "debug" : "silent"),
  });
  const transport = createDirectTransport((router) => service.routes(router));
  await service.start();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= service.stop();
    return stopped;
  };
  after(stop);
  return {
    blobs: createClient(BlobService, transport),
    internal: createClient(BlobInternalService, transport),
    service,
    stop,
  };
}

export type BlobPod = Awaited<ReturnType<typeof startBlobPod>>;

export type HeadInit = Omit<MessageInitShape<typeof PutBlobHeadSchema>, "$typeName">;

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Somebody's blobs at a pod; the same one at another pod with the same id. */
export function blobUser({ blobs, internal }: BlobPod, userId: string = randomUUID()) {
  const headers = actorHeaders({ userId, sessionId: "", roles: [] });
  const read = async (objectId: string, range: { offset?: number; length?: number } = {}) => {
    const chunks: Uint8Array[] = [];
    for await (const { data } of internal.readObject({ objectId, ...range }, { headers }))
      chunks.push(Buffer.from(data));
    return Buffer.concat(chunks);
  };
  return {
    userId,
    headers,
    put(key: string, bytes: Uint8Array | string | Chunks, head: HeadInit = {}, options: CallOptions = {}) {
      const data =
        typeof bytes === "string" ? [Buffer.from(bytes)] : ArrayBuffer.isView(bytes) ? [bytes] : bytes;
      return internal.putBlob(putMessages({ key, ...head }, data as Chunks), { headers, ...options });
    },
    find: async (key: string) => (await internal.findBlob({ key }, { headers })).blob!,
    read,
    async get(key: string) {
      const { blob, objectId } = (await internal.findBlob({ key }, { headers })).blob!;
      return { blob: blob!, objectId, bytes: await read(objectId) };
    },
    stat: async (key: string) => (await blobs.getBlob({ key }, { headers })).blob!,
    list: (request: { prefix?: string; limit?: number; cursor?: string } = {}) =>
      blobs.listBlobs(request, { headers }),
    delete: (key: string, ifMatch = "") => blobs.deleteBlob({ key, ifMatch }, { headers }),
    usage: () => blobs.getBlobUsage({}, { headers }),
  };
}

export type BlobUser = ReturnType<typeof blobUser>;

async function* putMessages(head: HeadInit, chunks: Chunks) {
  yield { part: { case: "head" as const, value: head } };
  for await (const value of chunks) yield { part: { case: "data" as const, value } };
}

/** The code of what it rejects with; undefined: it did not. */
export function codeOf(promise: Promise<unknown>): Promise<ErrorCode | undefined> {
  return promise.then(
    () => undefined,
    (error) => toPublicError(error).code,
  );
}

export const etagOfBytes = (bytes: string | Uint8Array) =>
  `"${createHash("sha256").update(bytes).digest("hex")}"`;
