/** Where in a text the terms are. */
import { likenessIn, type Slot, type SoughtTerm, type Way } from "#messenger/finding/likeness.ts";
import { type Word, wordsOf } from "#messenger/text-index/words-of.ts";

/** The words that match, in order. */
export function matchesIn(text: string, terms: readonly SoughtTerm[]): Word[] {
  const words = wordsOf(text);
  const ways = terms.flatMap((term) => (term.excluded ? [] : term.ways));
  const matched = new Set<number>();
  addSingle(
    matched,
    words,
    ways.flatMap((way) => (way.length === 1 ? way : [])),
  );
  for (const way of ways) if (way.length > 1) addInRow(matched, words, way);
  return words.filter((_, index) => matched.has(index));
}

/** A long text has the same words many times. */
function addSingle(matched: Set<number>, words: readonly Word[], slots: readonly Slot[]): void {
  const known = new Map<string, boolean>();
  for (const [index, { word }] of words.entries()) {
    let isMatch = known.get(word);
    if (isMatch === undefined) {
      isMatch = slots.some((slot) => likenessIn(slot, word) > 0);
      known.set(word, isMatch);
    }
    if (isMatch) matched.add(index);
  }
}

function addInRow(matched: Set<number>, words: readonly Word[], way: Way): void {
  for (let first = 0; first + way.length <= words.length; first++) {
    if (!way.every((slot, place) => likenessIn(slot, words[first + place]!.word) > 0)) continue;
    for (let place = 0; place < way.length; place++) matched.add(first + place);
  }
}
