/**
 * Words of the vocabulary that are spelt nearly as one that was asked for. Of a word cut into one piece more than there
 * are letters wrong, one piece at least is right: words with one of the pieces, about where it stands, are compared.
 */

import { startFairShare } from "#messenger/finding/fair-share.ts";
import { findSharing, type SharedPiece } from "#messenger/store-vocabulary.ts";
import type { Queryable } from "#platform/database.ts";
import { spellingDistance } from "#platform/spelling-distance.ts";

const maxNearWords = 30;
/** How often it is looked whether others should have their turn. */
const rowsPerLook = 500;

/** The most letters that may be wrong in words of this length. */
export function mostWrong(length: number): number {
  if (length < 4) return 0;
  if (length < 6) return 1;
  return length < 9 ? 2 : 3;
}

/** Of each word the words up to `wrong` letters off, as far as its length allows; the nearest first. */
export async function findNearWords(
  tx: Queryable,
  words: readonly string[],
  wrong: number,
): Promise<Map<string, string[]>> {
  const asked = words
    .map((word) => ({ word, wrong: Math.min(wrong, mostWrong([...word].length)) }))
    .filter((each) => each.wrong > 0);
  if (asked.length === 0) return new Map();
  const most = new Map(asked.map((each) => [each.word, each.wrong]));
  const rows = await findSharing(tx, asked.flatMap(piecesOf), asked.flatMap(swapped));
  const near = new Map<string, Map<string, number>>(asked.map(({ word }) => [word, new Map()]));
  const share = startFairShare();
  for (const [index, [word, like]] of rows.entries()) {
    if (index % rowsPerLook === 0 && share.isOver()) await share.letOthers();
    const distance = spellingDistance(word, like, most.get(word)!);
    if (distance > 0 && distance <= most.get(word)!) near.get(word)!.set(like, distance);
  }
  return new Map([...near].map(([word, likes]) => [word, nearest(word, likes)]));
}

/** People get the first letter right. */
function nearest(word: string, distances: ReadonlyMap<string, number>): string[] {
  const rank = ([like, distance]: [string, number]) => distance * 2 + (like[0] === word[0] ? 0 : 1);
  return [...distances]
    .sort((one, other) => rank(one) - rank(other))
    .slice(0, maxNearWords)
    .map(([like]) => like);
}

function piecesOf({ word, wrong }: { word: string; wrong: number }): SharedPiece[] {
  const characters = [...word];
  const size = Math.floor(characters.length / (wrong + 1));
  return Array.from({ length: wrong + 1 }, (_, index) => {
    const start = index * size;
    const end = index === wrong ? characters.length : start + size;
    const since = Math.max(1, start + 1 - wrong);
    return {
      asked: word,
      piece: characters.slice(start, end).join(""),
      since,
      span: end + wrong - since + 1,
      least: characters.length - wrong,
      most: characters.length + wrong,
    };
  });
}

/** Two letters swapped may be in two pieces. */
function swapped({ word }: { word: string }): Array<{ asked: string; word: string }> {
  const characters = [...word];
  return characters.slice(1).map((_, index) => {
    const letters = [...characters];
    [letters[index], letters[index + 1]] = [letters[index + 1]!, letters[index]!];
    return { asked: word, word: letters.join("") };
  });
}
