/** Chinese, Japanese and the like: words in a row whose borders are a guess. */
import { likeness, slotOf, type Way } from "#messenger/finding/likeness.ts";
import type { Queryable } from "#platform/database.ts";

export async function findRunWays(_tx: Queryable, words: readonly string[]): Promise<Way[]> {
  const way = words.map((word) => slotOf(word));
  way.at(-1)!.beginnings.set(words.at(-1)!, likeness.beginning);
  return [way];
}
