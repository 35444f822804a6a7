/** What is kept of a message so that it is found: a tsvector, as PostgreSQL reads it. */
import { wordsOf } from "#messenger/text-index/words-of.ts";

export interface IndexEntry {
  tsvector: string;
  /** The distinct words that belong in the vocabulary, where words like a given one are found. */
  words: string[];
}

export interface IndexedMessage {
  text: string;
  senderId: string;
}

/** tsvector keeps no greater position, and no more positions of one word. */
const maxPosition = 16_383;
const maxPositionsPerWord = 255;
const maxVocabularyCharacters = 40;
/** A tsvector may have 1 MiB. What of a message does not fit is not found; the message is stored all the same. */
const maxEntryBytes = 1_000_000;
/** Of a word beside its characters, and of each place where it stands. */
const wordBytes = 3;
const placeBytes = 2;
const maxBytesPerUnit = 3;

/** A lexeme that no word is: every message of this sender has it. Senders may share it, rarely. */
export const senderLexeme = (senderId: string): string => `@${senderId.replaceAll("-", "").slice(-8)}`;

export function indexEntryOf({ text, senderId }: IndexedMessage): IndexEntry {
  const positions = new Map<string, number[]>();
  let position = 0;
  let bytesLeft = maxEntryBytes;
  for (const { word } of wordsOf(text)) {
    position += 1;
    const places = positions.get(word);
    if (places && (places.length >= maxPositionsPerWord || position > maxPosition)) continue;
    bytesLeft -= placeBytes + (places ? 0 : wordBytes + maxBytesPerUnit * word.length);
    if (bytesLeft < 0) break;
    if (places) places.push(position);
    else positions.set(word, [Math.min(position, maxPosition)]);
  }
  let tsvector = `'${senderLexeme(senderId)}'`;
  // Words hold letters and digits only: nothing in them needs quoting.
  for (const [word, places] of positions) tsvector += ` '${word}':${places.join(",")}`;
  return { tsvector, words: [...positions.keys()].filter(isOfVocabulary) };
}

/** Without numbers and codes, of which there is no end, and which nobody means when they write another. */
const isOfVocabulary = (word: string) => word.length <= maxVocabularyCharacters && !/\p{N}/u.test(word);
