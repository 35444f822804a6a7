/** Compares the files of a spool with the rows that say what is in it. */
import { leftBehindMs } from "#blobs/objects/object-ages.ts";
import { objectName, timeOfObjectId } from "#blobs/objects/object-name.ts";
import type { SpoolFolder } from "#blobs/spool/spool-folder.ts";
import { whereObjectsAre } from "#blobs/store-spool.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { isUuid } from "#platform/uuid.ts";

const batch = 500;

export interface TidyParts {
  folder: SpoolFolder;
  database: Database;
  clock: Clock;
  log: Log;
}

/** Deletes what the store has, and what no row has come for. What rows say is here and is not, the drain finds. */
export async function tidySpool({ folder, database, clock, log }: TidyParts): Promise<void> {
  const { files, podId } = folder;
  const sort = async (names: string[]) => {
    const places = await whereObjectsAre(database, names.map(idOf).filter(isUuid));
    return names.filter((name) => {
      const id = idOf(name);
      const isWanted = places.has(id)
        ? places.get(id) === podId && name === objectName(id)
        : isYoung(name, clock.now());
      return !isWanted;
    });
  };
  let deleted = 0;
  for await (const names of inBatches(files)) {
    const unwanted = await sort(names);
    if (unwanted.length > 0) await files.delete(unwanted);
    deleted += unwanted.length;
  }
  if (deleted > 0) log.info({ deleted }, "files of the spool that nobody needs any more were deleted");
}

const uuidLength = 36;
/** "2026-11-21T19/<id>", or what a crash left of one, "…/<id>.….part". */
const idOf = (name: string) => name.slice(name.indexOf("/") + 1).slice(0, uuidLength);

function isYoung(name: string, nowMs: number): boolean {
  const id = idOf(name);
  return isUuid(id) && nowMs - timeOfObjectId(id) < leftBehindMs;
}

async function* inBatches(files: SpoolFolder["files"]): AsyncGenerator<string[]> {
  let names: string[] = [];
  for await (const folder of files.folders()) {
    for await (const name of files.list(folder)) {
      names.push(name);
      if (names.length < batch) continue;
      yield names;
      names = [];
    }
  }
  if (names.length > 0) yield names;
}
