/** Entity tags in headers (RFC 9110, 8.8.3), and what If-Match and If-None-Match say of one. */
import { invalidInput } from "#platform/errors.ts";

/** Tags as they were written, weak ones with W/. */
export type TagList = "*" | readonly string[];

const oneTag = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/;
const maxTags = 64;

/** Undefined when the header is not there. Throws "invalid-input". */
export function readTags(name: string, header: string | undefined): TagList | undefined {
  if (header === undefined) return undefined;
  let rest = header.trim();
  if (rest === "*") return "*";
  const tags: string[] = [];
  while (rest !== "") {
    const tag = oneTag.exec(rest)?.[0];
    const after = tag === undefined ? undefined : rest.slice(tag.length).trimStart();
    if (tag === undefined || after === undefined || (after !== "" && !after.startsWith(","))) {
      throw invalidInput(name, 'must be * or entity tags in double quotes, as in "abc", "def"');
    }
    tags.push(tag);
    rest = after.replace(/^[, \t]+/, "");
  }
  if (tags.length === 0 || tags.length > maxTags) {
    throw invalidInput(name, `must be * or 1 to ${maxTags} entity tags`);
  }
  return tags;
}

/** Strong comparison: a weak tag is equal to nothing. */
export function matchesStrongly(tags: TagList, etag: string): boolean {
  return tags === "*" || tags.includes(etag);
}

export function matchesWeakly(tags: TagList, etag: string): boolean {
  return tags === "*" || tags.some((tag) => withoutWeakness(tag) === etag);
}

export const withoutWeakness = (tag: string) => (tag.startsWith("W/") ? tag.slice(2) : tag);
