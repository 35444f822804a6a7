/**
 * Words of the vocabulary that are spelt nearly as one that was asked for. Of a word cut into one piece more than there
 * are letters wrong, one piece at least is right: words with one of the pieces, about where it stands, are compared.
 *
 * Pieces of one letter would be in most words. Of words too short for longer ones, two letters next to each other are
 * right, or else the first one is (1, 3, 5… are then): words with two of them, or with the first, are compared. Only two
 * letters swapped at the very beginning, with another one wrong, are missed.
 */

import { startFairShare } from "#messenger/finding/fair-share.ts";
import { findBeginning, findSharing, type SharedPiece } from "#messenger/store-near-words.ts";
import type { Queryable } from "#platform/database.ts";
import { spellingDistance } from "#platform/spelling-distance.ts";

export interface MisspeltWord {
  word: string;
  /** The most of its letters that may be wrong: at least 1, and fewer than it has. */
  wrong: number;
}

const minPieceLength = 2;
/** How often it is looked whether others should have their turn. */
const rowsPerLook = 500;

/** The most letters that may be wrong in words of this length. */
export function mostWrong(length: number): number {
  if (length < 4) return 0;
  if (length < 6) return 1;
  return length < 9 ? 2 : 3;
}

/** As mostWrong, where people have asked for it. */
export function mostWrongWhenFuzzy(length: number): number {
  if (length < 4) return 0;
  if (length < 5) return 1;
  return length < 7 ? 2 : 3;
}

/** Of each word those that are spelt nearly so, at most `maxWords`; the nearest first. */
export async function findNearWords(
  tx: Queryable,
  asked: readonly MisspeltWord[],
  maxWords: number,
): Promise<Map<string, string[]>> {
  if (asked.length === 0) return new Map();
  const most = new Map(asked.map(({ word, wrong }) => [word, wrong]));
  const rows = await findSharing(tx, asked.flatMap(piecesOf), asked.flatMap(swapped));
  rows.push(...(await findBeginning(tx, asked.filter(isShort).map(beginningOf))));
  const near = new Map<string, Map<string, number>>(asked.map(({ word }) => [word, new Map()]));
  const share = startFairShare();
  for (const [index, [word, like]] of rows.entries()) {
    if (index % rowsPerLook === 0 && share.isOver()) await share.letOthers();
    const distance = spellingDistance(word, like, most.get(word)!);
    if (distance > 0 && distance <= most.get(word)!) near.get(word)!.set(like, distance);
  }
  return new Map([...near].map(([word, likes]) => [word, nearest(word, likes).slice(0, maxWords)]));
}

/** People get the first letter right. */
function nearest(word: string, distances: ReadonlyMap<string, number>): string[] {
  const rank = ([like, distance]: [string, number]) => distance * 2 + (like[0] === word[0] ? 0 : 1);
  return [...distances].sort((one, other) => rank(one) - rank(other)).map(([like]) => like);
}

const pieceLength = ({ word, wrong }: MisspeltWord) => Math.floor([...word].length / (wrong + 1));
const isShort = (asked: MisspeltWord) => pieceLength(asked) < minPieceLength;

function piecesOf(asked: MisspeltWord): SharedPiece[] {
  const { length } = [...asked.word];
  if (isShort(asked)) {
    return Array.from({ length: length - 1 }, (_, start) => pieceOf(asked, start, start + minPieceLength));
  }
  const size = pieceLength(asked);
  return Array.from({ length: asked.wrong + 1 }, (_, index) =>
    pieceOf(asked, index * size, index === asked.wrong ? length : (index + 1) * size),
  );
}

function pieceOf({ word, wrong }: MisspeltWord, start: number, end: number): SharedPiece {
  const characters = [...word];
  const since = Math.max(1, start + 1 - wrong);
  return {
    asked: word,
    piece: characters.slice(start, end).join(""),
    since,
    span: end + wrong - since + 1,
    least: characters.length - wrong,
    most: characters.length + wrong,
  };
}

function beginningOf({ word, wrong }: MisspeltWord) {
  const characters = [...word];
  return {
    asked: word,
    beginning: characters[0]!,
    least: characters.length - wrong,
    most: characters.length + wrong,
  };
}

/** Two letters swapped may be in two pieces. */
function swapped({ word }: MisspeltWord): Array<{ asked: string; word: string }> {
  const characters = [...word];
  return characters.slice(1).map((_, index) => {
    const letters = [...characters];
    [letters[index], letters[index + 1]] = [letters[index + 1]!, letters[index]!];
    return { asked: word, word: letters.join("") };
  });
}
