/** What is written to the index along with messages: their entries, and the words that the vocabulary may not have. */

import { compareUtf8 } from "#messenger/text-index/compare-utf8.ts";
import { type IndexedMessage, indexEntryOf } from "#messenger/text-index/index-entry.ts";
import { createKnownWords } from "#messenger/text-index/known-words.ts";

export interface IndexedTexts {
  /** Of each message, a tsvector as PostgreSQL reads it. Null while the index is switched off. */
  entries: string[] | null;
  /** Distinct, in the order in which everybody writes them, so that no two wait for each other. */
  newWords: string[] | null;
  /** To be called once they are in the vocabulary for good. */
  committed(): void;
}

export interface TextIndex {
  readonly isOn: boolean;
  entriesOf(messages: readonly IndexedMessage[]): IndexedTexts;
}

/** About 20 MB. */
const maxKnownWords = 200_000;

/** Messages are stored, and indexed in the background later. */
export const notIndexed: IndexedTexts = { entries: null, newWords: null, committed() {} };

export function createTextIndex({ isOn }: { isOn: boolean }): TextIndex {
  const known = createKnownWords(maxKnownWords);
  return {
    isOn,
    entriesOf(messages) {
      if (!isOn) return notIndexed;
      const fresh = new Set<string>();
      const entries = messages.map((message) => {
        const { tsvector, words } = indexEntryOf(message);
        for (const word of words) if (!known.has(word)) fresh.add(word);
        return tsvector;
      });
      const newWords = fresh.size === 0 ? null : [...fresh].sort(compareUtf8);
      return { entries, newWords, committed: () => newWords && known.add(newWords) };
    },
  };
}
