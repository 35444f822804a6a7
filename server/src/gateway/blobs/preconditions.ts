/** Conditional requests (RFC 9110, 13), for reading what is there and for writing. */
import type { IncomingHttpHeaders } from "node:http";
import { matchesStrongly, matchesWeakly, readTags, withoutWeakness } from "#gateway/blobs/entity-tags.ts";
import { invalidInput } from "#platform/errors.ts";

/** What is there to be read. */
export interface Validators {
  etag: string;
  /** Milliseconds since 1970; undefined: nobody says. */
  updatedAtMs: number | undefined;
}

/** In the order of RFC 9110, 13.2.2. Throws "invalid-input". */
export function judgeRead(
  headers: IncomingHttpHeaders,
  found: Validators,
): "send" | "not-modified" | "failed" {
  const match = readTags("If-Match", headers["if-match"]);
  if (match ? !matchesStrongly(match, found.etag) : changedSince(headers["if-unmodified-since"], found)) {
    return "failed";
  }
  const noneMatch = readTags("If-None-Match", headers["if-none-match"]);
  if (noneMatch) return matchesWeakly(noneMatch, found.etag) ? "not-modified" : "send";
  const since = headers["if-modified-since"];
  return changedSince(since, found) === false ? "not-modified" : "send";
}

/** Undefined: there is no date to go by. Dates know seconds only. */
function changedSince(header: string | undefined, { updatedAtMs }: Validators): boolean | undefined {
  const dateMs = header === undefined ? Number.NaN : Date.parse(header);
  if (Number.isNaN(dateMs) || updatedAtMs === undefined) return undefined;
  return Math.floor(updatedAtMs / 1_000) * 1_000 > dateMs;
}

/**
 * Whether If-Range lets the Range count. A date never does: two versions within one second would have the same, and parts
 * of both would be put together.
 */
export function rangeCounts(headers: IncomingHttpHeaders, etag: string): boolean {
  const condition = headers["if-range"];
  return condition === undefined || String(condition).trim() === etag;
}

/** As in WriteCondition of the contract. */
export interface WriteCondition {
  absent: boolean;
  present: boolean;
  etags: string[];
  notEtags: string[];
}

/** Throws "invalid-input", also for conditions that could not be kept: to ignore them could lose somebody's bytes. */
export function writeCondition(headers: IncomingHttpHeaders): WriteCondition {
  if (headers["if-unmodified-since"] !== undefined) {
    throw invalidInput("If-Unmodified-Since", "dates are too coarse to write by; give If-Match");
  }
  const match = readTags("If-Match", headers["if-match"]);
  const noneMatch = readTags("If-None-Match", headers["if-none-match"]);
  return {
    absent: noneMatch === "*",
    present: match === "*",
    // A weak tag stays as it was written, and so matches none.
    etags: Array.isArray(match) ? [...match] : [],
    notEtags: Array.isArray(noneMatch) ? noneMatch.map(withoutWeakness) : [],
  };
}
