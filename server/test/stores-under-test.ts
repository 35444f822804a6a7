/** The stores that the tests of blobs run on, each for itself. */
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { temporaryFileStore } from "#test/blob-stores.ts";
import { openTestS3Store } from "#test/object-stores.ts";
import { startS3Server, withoutS3 } from "#test/s3-server.ts";

export interface StoreUnderTest {
  name: string;
  open(): Promise<ObjectStore>;
}

/** One server for the test file, and a prefix of its bucket for each store. */
const s3Server = withoutS3 ? undefined : await startS3Server();

export const storesUnderTest: readonly StoreUnderTest[] = [
  { name: "files", open: temporaryFileStore },
  ...(s3Server ? [{ name: "S3", open: async () => openTestS3Store(s3Server) }] : []),
];

/**
 * What a test file needs on each of the stores, all of it before its first test: node:test ends a file once no test is left, also while
 * it is still being set up for the next ones.
 */
export async function onEachStore<T extends object>(
  setUp: (store: ObjectStore) => Promise<T>,
): Promise<(T & { name: string })[]> {
  const ready: (T & { name: string })[] = [];
  for (const { name, open } of storesUnderTest) ready.push({ name, ...(await setUp(await open())) });
  return ready;
}
