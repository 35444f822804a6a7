import { randomBytes, randomUUID } from "node:crypto";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { probeFolder } from "#blobs/stores/store-names.ts";

const probeTimeoutMs = 20_000;

/** Writes an object, reads it and deletes it again. One that a crash leaves is in nobody's way. */
export async function probe(store: ObjectStore, given?: AbortSignal): Promise<void> {
  const limit = AbortSignal.timeout(probeTimeoutMs);
  const signal = given ? AbortSignal.any([given, limit]) : limit;
  const name = `${probeFolder}${randomUUID()}`;
  const written = randomBytes(16);
  await store.write(name, once(written), { size: written.byteLength, signal });
  const parts: Uint8Array[] = [];
  try {
    for await (const part of await store.read(name, { offset: 0, length: written.byteLength }, signal)) {
      parts.push(part);
    }
  } finally {
    await store.delete([name]);
  }
  if (!written.equals(Buffer.concat(parts))) throw new Error("what was read is not what was written");
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
