/** How frequent words are, as far as the database's statistics know. */
import type { Way } from "#messenger/finding/likeness.ts";
import { joinSingles, uncoveredWords } from "#messenger/finding/to-tsquery.ts";
import { readStatistics } from "#messenger/store-finding.ts";
import type { Queryable } from "#platform/database.ts";

export interface WordFrequencies {
  /** Messages, roughly. */
  messageCount: number;
  /** Share of the messages that have the lexeme. */
  ofLexeme(lexeme: string): number;
  ofBeginning(beginning: string): number;
}

/** Until the table has been analysed. */
const unknownShare = 0.005;
/** Of words that begin with so many characters, beyond the frequent ones. */
const sharesByLength = [1, 0.05, 0.01, 0.003, 0.001, 0.0005];
/** Chinese, Japanese and Korean characters say more than letters do. */
const wide = /[\u2e80-\uffdc\u{20000}-\u{3ffff}]/u;
const lettersPerWide = 2;

function frequenciesOf(messageCount: number, shares: ReadonlyMap<string, number>): WordFrequencies {
  // What is not among the frequent words is rarer than all of them, and most often much rarer.
  const rarest = shares.size > 0 ? Math.min(...shares.values()) / 10 : unknownShare;
  return {
    messageCount,
    ofLexeme: (lexeme) => shares.get(lexeme) ?? rarest,
    ofBeginning(beginning) {
      const letters = beginning.length * (wide.test(beginning) ? lettersPerWide : 1);
      let share = sharesByLength[Math.min(letters, sharesByLength.length - 1)]!;
      for (const [lexeme, known] of shares) if (lexeme.startsWith(beginning)) share += known;
      return Math.min(share, 1);
    },
  };
}

/** Of messages that have one of the ways. */
export interface Share {
  /** That many the index may name. */
  atMost: number;
  /** Words next to each other are fewer than any of them, and more than chance would have it. */
  likely: number;
}

export function shareOf(ways: readonly Way[], { ofLexeme, ofBeginning }: WordFrequencies): Share {
  const share = { atMost: 0, likely: 0 };
  for (const way of joinSingles(ways)) {
    const shares = way.map((slot) => {
      let sum = 0;
      for (const word of uncoveredWords(slot)) sum += ofLexeme(word);
      for (const beginning of slot.beginnings.keys()) sum += ofBeginning(beginning);
      return Math.min(sum, 1);
    });
    const [rarest = 1, ...others] = shares.sort((one, other) => one - other);
    share.atMost += rarest;
    share.likely += rarest * Math.sqrt(others.reduce((product, other) => product * other, 1));
  }
  return { atMost: Math.min(share.atMost, 1), likely: Math.min(share.likely, 1) };
}

const keptMs = 60_000;

/** Reads the statistics anew once a minute; nobody waits for them but the first. */
export function createWordFrequencies(): (database: Queryable) => Promise<WordFrequencies> {
  let known: { frequencies: Promise<WordFrequencies>; readAt: number } | undefined;
  return (database) => {
    if (known && performance.now() - known.readAt < keptMs) return known.frequencies;
    const previous = known?.frequencies;
    const frequencies = readStatistics(database).then(({ messageCount, shares }) =>
      frequenciesOf(messageCount, shares),
    );
    known = { frequencies, readAt: performance.now() };
    frequencies.catch(() => {
      known = undefined;
    });
    return previous ?? frequencies;
  };
}
