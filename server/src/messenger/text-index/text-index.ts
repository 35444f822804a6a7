/** What is written to the index along with messages: their entries, and the words that the vocabulary may not have. */

import { compareUtf8 } from "#messenger/text-index/compare-utf8.ts";
import {
  type IndexedMessage,
  placesOf,
  tsvectorOf,
  vocabularyOf,
} from "#messenger/text-index/index-entry.ts";
import { createKnownWords } from "#messenger/text-index/known-words.ts";

export interface IndexedTexts {
  /**
   * Of each message, a tsvector as PostgreSQL reads it; null: to be indexed in the background. Null as a whole while
   * the index is switched off.
   */
  entries: Array<string | null> | null;
  /** Distinct, in the order in which everybody writes them, so that no two wait for each other. */
  newWords: string[] | null;
  /** To be called once all of this is in the database for good. */
  committed(): void;
}

export interface TextIndex {
  readonly isOn: boolean;
  /** Messages written to it by this process. */
  readonly written: number;
  /** Once there are `maxNewWords`, messages that have many more are left to the background. */
  entriesOf(messages: readonly IndexedMessage[], maxNewWords?: number): IndexedTexts;
}

/** About 20 MB. */
const maxKnownWords = 200_000;

/** Messages are stored, and indexed in the background later. */
export const notIndexed: IndexedTexts = { entries: null, newWords: null, committed() {} };

/** Messages that people write have no more new words than that, even for a process that knows of none yet. */
const fewWords = 100;

export function createTextIndex({ isOn }: { isOn: boolean }): TextIndex {
  const known = createKnownWords(maxKnownWords);
  let written = 0;
  return {
    isOn,
    get written() {
      return written;
    },
    entriesOf(messages, maxNewWords = Number.POSITIVE_INFINITY) {
      if (!isOn) return notIndexed;
      const fresh = new Set<string>();
      const entries = messages.map((message) => {
        const places = placesOf(message);
        const words = vocabularyOf(places, (word) => known.has(word) || fresh.has(word));
        if (words.length > fewWords && fresh.size + words.length > maxNewWords) return null;
        for (const word of words) fresh.add(word);
        return tsvectorOf(message, places);
      });
      const newWords = fresh.size === 0 ? null : [...fresh].sort(compareUtf8);
      const committed = () => {
        for (const entry of entries) if (entry !== null) written += 1;
        if (newWords) known.add(newWords);
      };
      return { entries, newWords, committed };
    },
  };
}
