import type { WriteCondition } from "@parley/api/internal/blobs";
import { hashOfEtag } from "#blobs/etag.ts";
import type { PutCondition } from "#blobs/store-puts.ts";

/** Tags that are none of ours match nothing. */
export function toPutCondition(condition: WriteCondition | undefined): PutCondition {
  if (!condition) return {};
  const { absent, present, etags, notEtags } = condition;
  // Both at once hold for no blob.
  if (absent && present) return { exists: true, isOneOf: [] };
  return {
    exists: absent ? false : present ? true : undefined,
    isOneOf: etags.length > 0 ? hashesOf(etags) : undefined,
    isNoneOf: notEtags.length > 0 ? hashesOf(notEtags) : undefined,
  };
}

const hashesOf = (etags: readonly string[]) => etags.flatMap((etag) => hashOfEtag(etag) ?? []);

/** As the database decides when the put is committed; hash: what the key has now. */
export function holds({ exists, isOneOf, isNoneOf }: PutCondition, hash: string | undefined): boolean {
  if (exists !== undefined && exists !== (hash !== undefined)) return false;
  if (isOneOf && (hash === undefined || !isOneOf.includes(hash))) return false;
  return !(isNoneOf && hash !== undefined && isNoneOf.includes(hash));
}
