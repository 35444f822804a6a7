/**
 * Ids of objects, UUIDv7 (RFC 9562) by the cluster's clock, and their names in the store: `2026-11-21T19/<id>`. The hour is
 * that of the id's time, so that the sweep can look through the store hour by hour.
 */
import { randomUUID } from "node:crypto";
import type { Clock } from "#platform/clock.ts";

const maxCount = 0xfff;

/** Ids rise within a process, also when the clock does not. */
export function createObjectIds(clock: Clock): () => string {
  let atMs = 0;
  let count = 0;
  return () => {
    const nowMs = clock.now();
    if (nowMs > atMs) {
      atMs = nowMs;
      count = 0;
    } else if (count < maxCount) {
      count += 1;
    } else {
      atMs += 1;
      count = 0;
    }
    const time = atMs.toString(16).padStart(12, "0");
    // A random UUID's variant and last 62 bits are what a UUIDv7 ends in.
    const random = randomUUID().slice(19);
    return `${time.slice(0, 8)}-${time.slice(8)}-7${count.toString(16).padStart(3, "0")}-${random}`;
  };
}

export function timeOfObjectId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The folder of the store for objects of this time. */
export function folderOf(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 13)}/`;
}

/** The time that the hour of a folder begins; undefined when it is none of ours. */
export function timeOfFolder(folder: string): number | undefined {
  const atMs = Date.parse(`${folder.slice(0, 13)}:00:00Z`);
  return Number.isNaN(atMs) || folderOf(atMs) !== folder ? undefined : atMs;
}

export function objectName(id: string): string {
  return `${folderOf(timeOfObjectId(id))}${id}`;
}
