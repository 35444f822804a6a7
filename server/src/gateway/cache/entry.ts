/** A kept answer. */
import { hash } from "node:crypto";
import type { AnswerTags } from "#gateway/cache/cacheable.ts";

export interface Entry {
  /** The bytes of the REST answer. */
  readonly body: Buffer;
  readonly etag: string;
  readonly tags: AnswerTags;
  /** Those of tags.access, of tags.content, and the generation; read before the service was asked. */
  readonly stamps: readonly string[];
  readonly storedAtMs: number;
}

export const allTags = ({ access, content }: AnswerTags): string[] => [...access, ...content];

/** Strong (RFC 9110, 8.8.3): equal for equal bytes only. */
export const etagOf = (body: Buffer): string => `"${hash("sha256", body, "base64url").slice(0, 22)}"`;

export function isUnchanged(entry: Pick<Entry, "stamps">, stamps: readonly string[]): boolean {
  return (
    entry.stamps.length === stamps.length && entry.stamps.every((stamp, index) => stamp === stamps[index])
  );
}

/** Whether the same people may see it as when it was made, however old its content is. */
export function isStillAllowed(
  { tags, stamps: former }: Entry,
  stamps: readonly string[] | undefined,
): boolean {
  const { length } = tags.access;
  if (length === 0) return true;
  if (!stamps || stamps.length !== former.length || stamps.at(-1) !== former.at(-1)) return false;
  return former.slice(0, length).every((stamp, index) => stamp === stamps[index]);
}
