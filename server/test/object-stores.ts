/** Object stores for tests: each kind there is, on a server or folder of the test file's own. */
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { createAzureStore } from "#blobs/stores/azure-store.ts";
import { createFileStore } from "#blobs/stores/file-store.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { createS3Store } from "#blobs/stores/s3-store.ts";
import type { S3Location } from "#blobs/stores/store-url.ts";
import type { AzureServer } from "./azure-server.ts";
import { type S3Server, s3Credentials } from "./s3-server.ts";

export const testFolder = "2026-11-21T19/";

export const newObjectName = (folder = testFolder) => `${folder}${randomUUID()}`;

export async function openTestFileStore(): Promise<{ store: ObjectStore; root: string }> {
  const parent = await mkdtemp(join(tmpdir(), "parley-test-files-"));
  after(() => rm(parent, { recursive: true, force: true }));
  const root = join(parent, "blobs");
  const store = createFileStore(root);
  await store.check();
  return { store, root };
}

export function testS3Location({ endpoint, bucket }: TestBucket, prefix = `${randomUUID()}/`): S3Location {
  return { kind: "s3", bucket, prefix, region: "us-east-1", endpoint, pathStyle: true };
}

export function openTestS3Store(
  server: TestBucket,
  { stallMs = 10_000, prefix = undefined as string | undefined, maxTransfers = 64 } = {},
): ObjectStore {
  Object.assign(process.env, s3Credentials);
  return createS3Store(testS3Location(server, prefix), { maxTransfers, stallMs });
}

type TestBucket = Pick<S3Server, "endpoint" | "bucket">;

export function openTestAzureStore(server: AzureServer, { stallMs = 10_000 } = {}): ObjectStore {
  return createAzureStore(
    { kind: "azblob", container: server.container, prefix: `${randomUUID()}/`, endpoint: undefined },
    { stallMs },
    server.environment,
  );
}

const block = Buffer.alloc(65_536);
for (let at = 0; at < block.length; at += 4) block.writeUInt32LE((at * 2_654_435_761) >>> 0, at);

/** So many bytes, in chunks that begin at every offset of the pattern. */
export async function* bytesOf(size: number, chunkBytes = 60_001): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; ) {
    const from = at % block.length;
    const chunk = block.subarray(from, from + Math.min(chunkBytes, size - at, block.length - from));
    yield chunk;
    at += chunk.byteLength;
  }
}

/** The same, and each chunk is good for as long as a store may count on, and no longer. */
export async function* fleeting(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let last: Uint8Array | undefined;
  for await (const chunk of bytes) {
    last?.fill(0xdd);
    last = Buffer.from(chunk);
    yield last;
  }
}

/** The same bytes, from there on. */
export async function digestOf(bytes: AsyncIterable<Uint8Array>): Promise<{ size: number; sha256: string }> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of bytes) {
    hash.update(chunk);
    size += chunk.byteLength;
  }
  return { size, sha256: hash.digest("hex") };
}

export async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export async function namesOf(names: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const name of names) all.push(name);
  return all.sort();
}

export const never = new AbortController().signal;
