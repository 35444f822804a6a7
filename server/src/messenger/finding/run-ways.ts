/**
 * Chinese, Japanese and the like, where the borders of words are a guess that depends on what stands around them:
 * "北京烤鸭" may have been indexed as 北京 and 烤鸭, or within longer words. So every way is asked for in which words of
 * the vocabulary, in a row, contain the run.
 */
import { addLike, likeness, type Slot, slotOf, type Way } from "#messenger/finding/likeness.ts";
import { findWordsAround, type WordsAround } from "#messenger/store-vocabulary.ts";
import type { Queryable } from "#platform/database.ts";

const maxWays = 32;
const maxRunLength = 24;
/** Words longer than that are rare enough to be found by what they begin with. */
const maxWordLength = 8;

export async function findRunWays(tx: Queryable, words: readonly string[]): Promise<Way[]> {
  const characters = [...words.join("")];
  const own = words.map((word) => slotOf(word));
  addLike(own.at(-1)!.beginnings, words.at(-1)!, likeness.exact);
  if (characters.length > maxRunLength) return [own];
  const pieces = piecesOf(characters);
  const around = await findWordsAround(tx, {
    whole: characters.join(""),
    first: pieces.filter(({ start, end }) => start === 0 && end < characters.length).map(({ text }) => text),
    inner: pieces.map(({ text }) => text),
    last: pieces.filter(({ end }) => end === characters.length).map(({ text }) => text),
  });
  const within = slotOf();
  for (const word of around.containing) addLike(within.words, word, likeness.exact);
  const ways: Way[] = within.words.size > 0 ? [[within]] : [];
  return [own, ...ways, ...waysThrough(characters, around)].slice(0, maxWays + 1);
}

/** In which words of the vocabulary, in a row, contain the characters. */
export function waysThrough(characters: readonly string[], around: WordsAround): Way[] {
  const ways: Way[] = [];
  addWays(ways, { characters, around, deadEnds: new Set() }, 0, []);
  return ways;
}

interface Segmenting {
  characters: readonly string[];
  around: WordsAround;
  /** Places from which no way leads to the end. Without them there are 2^23 ways to try in "ノノノ…" with a rare last character. */
  deadEnds: Set<number>;
}

/** The longest words first. */
function addWays(ways: Way[], segmenting: Segmenting, start: number, way: Way): void {
  const { characters, deadEnds } = segmenting;
  if (start === characters.length) {
    ways.push(way);
    return;
  }
  if (deadEnds.has(start)) return;
  const before = ways.length;
  for (let end = characters.length; end > start && ways.length < maxWays; end--) {
    const slot = slotFor(segmenting, start, end);
    if (slot) addWays(ways, segmenting, end, [...way, slot]);
  }
  if (ways.length === before) deadEnds.add(start);
}

function slotFor({ characters, around }: Segmenting, start: number, end: number): Slot | undefined {
  const text = characters.slice(start, end).join("");
  const slot = slotOf();
  if (around.inner.has(text)) addLike(slot.words, text, likeness.exact);
  if (start === 0)
    for (const word of around.ending.get(text) ?? []) addLike(slot.words, word, likeness.exact);
  if (end === characters.length && around.beginning.has(text)) addLike(slot.beginnings, text, likeness.exact);
  return slot.words.size + slot.beginnings.size > 0 ? slot : undefined;
}

function piecesOf(characters: readonly string[]) {
  const pieces: Array<{ start: number; end: number; text: string }> = [];
  for (let start = 0; start < characters.length; start++) {
    for (let end = start + 1; end <= Math.min(characters.length, start + maxWordLength); end++) {
      pieces.push({ start, end, text: characters.slice(start, end).join("") });
    }
  }
  return pieces;
}
