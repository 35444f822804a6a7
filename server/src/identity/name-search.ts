/**
 * Search by a part of the name, in any script: names and queries are folded in the same way, and an index holds
 * every run of two and of three characters of each folded name.
 *
 * Why not pg_trgm and unaccent: on a database whose locale is C, pg_trgm finds nothing but ASCII, in any locale it
 * has no index for two characters (which is a whole Chinese name), and lower() does not fold Cyrillic there.
 */
import { unfoldLetters } from "#platform/unfolded-letters.ts";

/** Keeps the longest folded name (some characters unfold into eighteen) below what an index entry can hold. */
const maxFoldedCharacters = 300;
export const minQueryCharacters = 2;

/** Without case, any marks, compatibility forms and surplus spaces. Words of messages keep some marks: messenger/text-index/fold-word.ts. */
export function foldName(name: string): string {
  const folded = unfoldLetters(name.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, ""))
    .replace(/\s+/g, " ")
    .trim();
  return [...folded].slice(0, maxFoldedCharacters).join("");
}

/** What is stored of a name. */
export function nameColumns(name: string) {
  const nameFolded = foldName(name);
  return { name, nameFolded, nameGrams: nameGrams(nameFolded) };
}

/** All runs of two and three characters. */
export function nameGrams(folded: string): string[] {
  return [...new Set([...runs(folded, 2), ...runs(folded, 3)])];
}

/** What the grams of every name that contains the query include. */
export function queryGrams(folded: string): string[] {
  return [...new Set(runs(folded, [...folded].length > 2 ? 3 : 2))];
}

function runs(text: string, length: number): string[] {
  const characters = [...text];
  return characters
    .slice(0, Math.max(0, characters.length - length + 1))
    .map((_, start) => characters.slice(start, start + length).join(""));
}
