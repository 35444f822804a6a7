/** Where in a text the terms are. */
import { likenessIn, type SoughtTerm, type Way } from "#messenger/finding/likeness.ts";
import { type Word, wordsOf } from "#messenger/text-index/words-of.ts";

/** The words that match, in order. */
export function matchesIn(text: string, terms: readonly SoughtTerm[]): Word[] {
  const words = wordsOf(text);
  const matched = new Set<number>();
  for (const { ways, excluded } of terms) {
    if (excluded) continue;
    for (const way of ways) addMatches(matched, words, way);
  }
  return words.filter((_, index) => matched.has(index));
}

function addMatches(matched: Set<number>, words: readonly Word[], way: Way): void {
  for (let first = 0; first + way.length <= words.length; first++) {
    if (!way.every((slot, place) => likenessIn(slot, words[first + place]!.word) > 0)) continue;
    for (let place = 0; place < way.length; place++) matched.add(first + place);
  }
}
