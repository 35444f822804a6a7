/** Whether the text index says of every message what its text says. */
import { findMissingWords, indexedMessages } from "#messenger/store-doctor.ts";
import {
  type IndexedMessage,
  placesOf,
  tsvectorOf,
  vocabularyOf,
} from "#messenger/text-index/index-entry.ts";
import { rebuildTextIndex } from "#messenger/text-index/rebuild.ts";
import type { Check, Repair } from "#platform/doctor.ts";

const messagesAtATime = 1_000;

const rebuild: Repair = {
  about: "messages are indexed anew, as by `parley rebuild-search-index`",
  async run(database, { signal, onProgress }) {
    let changed = 0;
    await rebuildTextIndex({
      database,
      signal,
      onProgress(progress) {
        changed = progress.changed;
        onProgress(progress.seen);
      },
    });
    signal.throwIfAborted();
    return changed;
  },
};

const advice =
  "A running Parley indexes by itself what is not indexed yet; `parley rebuild-search-index` does the rest.";

/** What is to be in the database of a message: its entry as tsvector, and its words in the vocabulary. */
export function indexEntryOf(message: IndexedMessage): { tsvector: string; words: string[] } {
  const places = placesOf(message);
  return { tsvector: tsvectorOf(message, places), words: vocabularyOf(places, () => false) };
}

/** Of a tsvector, as we write it or as PostgreSQL does: its lexemes with their positions, sorted. */
export const lexemesOf = (tsvector: string): string[] => (tsvector.match(/'[^']*'(:[\d,]+)?/gu) ?? []).sort();

const entries: Check = {
  name: "a message's words are those of its text",
  async *check(database, { signal, onProgress }) {
    let seen = 0;
    for await (const page of indexedMessages(database, messagesAtATime)) {
      signal.throwIfAborted();
      for (const [chatId, seq, senderId, text, isDeleted, words, attachments] of page) {
        const tsvector = isDeleted ? "" : indexEntryOf({ text, senderId, attachments }).tsvector;
        const isRight = words !== null && lexemesOf(words).join() === lexemesOf(tsvector).join();
        if (!isRight) yield { id: `chat ${chatId} seq ${seq}` };
      }
      seen += page.length;
      onProgress(seen);
    }
  },
  repair: rebuild,
  advice,
};

const vocabulary: Check = {
  name: "the vocabulary has every word",
  async *check(database, { signal, onProgress }) {
    let seen = 0;
    for await (const page of indexedMessages(database, messagesAtATime)) {
      signal.throwIfAborted();
      const messageByWord = new Map<string, string>();
      for (const [chatId, seq, senderId, text, isDeleted, , attachments] of page) {
        if (isDeleted) continue;
        for (const word of indexEntryOf({ text, senderId, attachments }).words)
          messageByWord.set(word, `chat ${chatId} seq ${seq}`);
      }
      for (const word of await findMissingWords(database, [...messageByWord.keys()]))
        yield { id: messageByWord.get(word)! };
      seen += page.length;
      onProgress(seen);
    }
  },
  repair: rebuild,
  advice,
};

export const indexChecks: readonly Check[] = [entries, vocabulary];
