/**
 * Words as the index knows them: without case, accents and compatibility forms, so that "Übergrößen" and "ubergrossen"
 * are one. Marks that make another letter of a letter stay: й is not и, が is not か. Names of people are folded further,
 * all marks off (identity/name-search.ts): who looks for somebody picks from a list, who looks for a word reads hits.
 */
import { unfoldLetters } from "#platform/unfolded-letters.ts";

export const maxWordCharacters = 64;
const ascii = /^[\x20-\x7e]*$/;
/** Latin and Greek letters with marks. */
const markedLetter = /[\u00c0-\u024f\u0370-\u03ff\u1e00-\u1fff]/g;
/** Marks of Latin, Greek and Cyrillic (accents), Hebrew and Arabic (vowels), and the Arabic lengthener. */
const marks =
  /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]/g;
/** Format characters (zero-width, directions) and whatever a compatibility form brought along. */
const notOfAWord = /[^\p{L}\p{N}\p{M}\p{Extended_Pictographic}]/gu;

/** Which sigma a word ends with depends on what follows it. */
const variants = /[ёς]/g;
const letterOfVariant = (variant: string) => (variant === "ё" ? "е" : "σ");
const withoutMarks = (text: string) => text.normalize("NFD").replace(marks, "");

/** Empty when nothing of a word is left. At most 64 characters. */
export function foldWord(word: string): string {
  if (ascii.test(word)) return word.toLowerCase().slice(0, maxWordCharacters);
  const composed = word
    .normalize("NFKC")
    .toLowerCase()
    .replace(variants, letterOfVariant)
    .replace(notOfAWord, "");
  const folded = unfoldLetters(composed.replace(markedLetter, withoutMarks).replace(marks, ""));
  return folded.length <= maxWordCharacters ? folded : [...folded].slice(0, maxWordCharacters).join("");
}
