/**
 * Deletes what is in the store and no row knows: what puts left that were cut off by a crash. Names begin with the hour of
 * their writing, so each hour is looked through once, when no put of that time can be under way any more.
 */
import { leftBehindMs } from "#blobs/objects/object-ages.ts";
import { folderOf, timeOfFolder } from "#blobs/objects/object-name.ts";
import { findReferred, noteProgress, readProgress } from "#blobs/store-sweep.ts";
import { markFolder, probeFolder } from "#blobs/stores/store-names.ts";
import { isMarkedAsOurs } from "#blobs/sweep/store-mark.ts";
import type { SweepOptions } from "#blobs/sweep/sweep-options.ts";
import { isUuid } from "#platform/uuid.ts";

const hourMs = 3_600_000;
const batchSize = 1_000;

export async function sweepOrphans(options: SweepOptions, signal: AbortSignal): Promise<void> {
  const { database, store, clock, metrics, log } = options;
  // The last hour of which all is old enough ends here.
  const untilMs = Math.floor((clock.now() - leftBehindMs) / hourMs) * hourMs;
  const sweptUntilMs = (await readProgress(database)) ?? (await beginAt(options, untilMs));
  metrics.orphansSweptUntil(sweptUntilMs);
  if (sweptUntilMs >= untilMs) return;
  if (!(await isMarkedAsOurs(options))) {
    log.error(
      { store: store.description },
      "the object store belongs to another database: what no row knows is not deleted from it",
    );
    return;
  }
  for (let hour = sweptUntilMs; hour < untilMs && !signal.aborted; hour += hourMs) {
    await sweepHour(options, hour);
    await noteProgress(database, hour + hourMs);
    metrics.orphansSweptUntil(hour + hourMs);
  }
}

/** With the oldest hour that there is anything of. */
async function beginAt({ database, store }: SweepOptions, untilMs: number): Promise<number> {
  let oldestMs = untilMs;
  for await (const folder of store.folders()) {
    const atMs = folder === markFolder || folder === probeFolder ? undefined : timeOfFolder(folder);
    if (atMs !== undefined && atMs < oldestMs) oldestMs = atMs;
  }
  await noteProgress(database, oldestMs);
  return oldestMs;
}

async function sweepHour(options: SweepOptions, hourAtMs: number): Promise<void> {
  let names: string[] = [];
  for await (const name of options.store.list(folderOf(hourAtMs))) {
    names.push(name);
    if (names.length < batchSize) continue;
    await sweepNames(options, names);
    names = [];
  }
  if (names.length > 0) await sweepNames(options, names);
}

async function sweepNames({ database, store, referrers, metrics }: SweepOptions, names: string[]) {
  const idOf = (name: string) => name.slice(name.indexOf("/") + 1);
  // What is no id is of an object that was not written to its end.
  const ids = names.map(idOf).filter(isUuid);
  const referred = new Set<string>();
  for (const find of [findReferred, ...referrers]) {
    for (const id of await find(database, ids)) referred.add(id);
  }
  const orphans = names.filter((name) => !referred.has(idOf(name)));
  if (orphans.length === 0) return;
  await store.delete(orphans);
  metrics.swept("orphan", orphans.length);
}
