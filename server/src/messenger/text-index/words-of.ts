/** Takes a text apart into words, in the same way when it is indexed, asked for, and shown with its matches. */
import { foldWord } from "#messenger/text-index/fold-word.ts";

export interface Word {
  /** Folded. */
  word: string;
  /** In the text, in UTF-16 units. */
  start: number;
  end: number;
}

/** Format characters may stand within a word; an emoji is a word. */
const wordPattern = /[\p{L}\p{N}][\p{L}\p{N}\p{M}\p{Cf}]*|\p{Extended_Pictographic}/gu;
const beyondAscii = /[^\p{ASCII}]/u;
const asciiWord = /[A-Za-z0-9]+/g;
/** Scripts that put no spaces between words. */
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** By script extensions: the mark of a long vowel is of Hiragana and Katakana. */
const unspacedOrNot =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]+|[^\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]+/gu;
const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  const isAscii = !beyondAscii.test(text);
  for (const { 0: run, index } of text.matchAll(isAscii ? asciiWord : wordPattern)) {
    if (!isAscii && unspaced.test(run)) addSegments(words, run, index);
    else addWord(words, run, index);
  }
  return words;
}

/** Words of other scripts in between are what they are elsewhere. */
function addSegments(words: Word[], run: string, offset: number): void {
  for (const { 0: part, index: start } of run.matchAll(unspacedOrNot)) {
    if (!unspaced.test(part)) addWord(words, part, offset + start);
    else {
      for (const { segment, index } of segmenter.segment(part))
        addWord(words, segment, offset + start + index);
    }
  }
}

function addWord(words: Word[], written: string, start: number): void {
  const word = foldWord(written);
  if (word !== "") words.push({ word, start, end: start + written.length });
}
