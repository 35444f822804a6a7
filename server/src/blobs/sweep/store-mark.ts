/**
 * Whose store it is. Two Parleys that were given the same bucket by mistake would take each other's objects for left
 * behind; so a store bears the identity of its database, as the name of an empty object of an hour that never was.
 */
import { readIdentity } from "#blobs/store-sweep.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { markFolder } from "#blobs/stores/store-names.ts";
import type { SweepOptions } from "#blobs/sweep/sweep-options.ts";

const markTimeoutMs = 30_000;

/** Marks a store that nobody has marked. */
export async function isMarkedAsOurs({
  database,
  store,
}: Pick<SweepOptions, "database" | "store">): Promise<boolean> {
  const ours = `${markFolder}${await readIdentity(database)}`;
  if ((await marksOf(store)).length === 0) {
    await store.write(ours, nothing(), { size: 0, signal: AbortSignal.timeout(markTimeoutMs) });
  }
  // Of two that mark it at once, both find two marks.
  const found = await marksOf(store);
  return found.length === 1 && found[0] === ours;
}

async function marksOf(store: ObjectStore): Promise<string[]> {
  const names: string[] = [];
  for await (const name of store.list(markFolder)) names.push(name);
  return names;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
