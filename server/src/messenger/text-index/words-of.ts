/** Takes a text apart into words, in the same way when it is indexed, asked for, and shown with its matches. */
import { foldWord } from "#messenger/text-index/fold-word.ts";
import { type VisitWord, visitPlainWords } from "#messenger/text-index/plain-words.ts";

export interface Word {
  /** Folded. */
  word: string;
  /** In the text, in UTF-16 units. */
  start: number;
  end: number;
}

/** Format characters may stand within a word; an emoji is a word. */
const wordPattern = /[\p{L}\p{N}][\p{L}\p{N}\p{M}\p{Cf}]*|\p{Extended_Pictographic}/gu;
/** Scripts that put no spaces between words; the mark of a long vowel is of more than one. */
const unspacedScripts =
  "\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}";
/** Whether any of it is of such a script. */
export const unspaced = new RegExp(`[${unspacedScripts}]`, "u");
const unspacedOrNot = new RegExp(`[${unspacedScripts}]+|[^${unspacedScripts}]+`, "gu");
const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  visitWords(text, (word, start, end) => words.push({ word, start, end }));
  return words;
}

/** As wordsOf, without anything in between. */
export function visitWords(text: string, visit: VisitWord): void {
  if (!visitPlainWords(text, visit)) visitAnyWords(text, visit);
}

/** Of any text. */
export function visitAnyWords(text: string, visit: VisitWord): void {
  for (const { 0: run, index } of text.matchAll(wordPattern)) {
    if (unspaced.test(run)) visitSegments(run, index, visit);
    else visitFolded(run, index, visit);
  }
}

/** Words of other scripts in between are what they are elsewhere. */
function visitSegments(run: string, offset: number, visit: VisitWord): void {
  for (const { 0: part, index: start } of run.matchAll(unspacedOrNot)) {
    if (!unspaced.test(part)) {
      for (const { 0: word, index } of part.matchAll(wordPattern))
        visitFolded(word, offset + start + index, visit);
    } else {
      for (const { segment, index } of segmenter.segment(part))
        visitFolded(segment, offset + start + index, visit);
    }
  }
}

function visitFolded(written: string, start: number, visit: VisitWord): void {
  const word = foldWord(written);
  if (word !== "") visit(word, start, start + written.length);
}
