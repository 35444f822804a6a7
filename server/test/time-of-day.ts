/** Tests of what is counted by the day or the hour, at whatever time they run. */
import { setTimeout as delay } from "node:timers/promises";
import { type Database, readDatabaseTime } from "#platform/database.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Longer than a test file takes. */
const marginMs = 60_000;

/** To be called at the top of a test file: shortly before the database's midnight (UTC), it waits for that. */
export async function notAtMidnight(database: Database): Promise<void> {
  const leftMs = dayMs - ((await readDatabaseTime(database)) % dayMs);
  if (leftMs < marginMs) await delay(leftMs + 1_000);
}

/** The offset of windows of so many milliseconds of which one ends half a window from now. */
export const windowOffsetMs = (windowMs: number) => Math.floor((Date.now() + windowMs / 2) % windowMs);
