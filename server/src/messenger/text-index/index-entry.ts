/** What is kept of a message so that it is found: a tsvector, as PostgreSQL reads it. */
import { visitWords } from "#messenger/text-index/words-of.ts";

export interface IndexedMessage {
  text: string;
  senderId: string;
  /** Null: none. They are found by their names. */
  attachments: readonly { name: string }[] | null;
}

/** tsvector keeps no greater position, and no more positions of one word. */
const maxPosition = 16_383;
const maxPositionsPerWord = 255;
const maxVocabularyCharacters = 40;
const maxVocabularyWords = 1_000;
/** Taking more apart would keep everybody waiting: scripts without spaces take 40 ms for this. */
const maxIndexedUnits = 65_536;
/** A tsvector may have 1 MiB. What of a message does not fit is not found; the message is stored all the same. */
const maxEntryBytes = 1_000_000;
/** Of a word beside its characters, and of each place where it stands. */
const wordBytes = 3;
const placeBytes = 2;
const maxBytesPerUnit = 3;

/** A lexeme that no word is: every message of this sender has it. Senders may share it, rarely. */
export const senderLexeme = (senderId: string): string => `@${senderId.replaceAll("-", "").slice(-8)}`;

/** What every message with attachments has. */
export const attachmentLexeme = "#attachment";
/** Between text and names: no phrase is in both. */
const gap = 10;

/** Each distinct word, with the positions where it stands. */
export type Places = Map<string, number[]>;

export function placesOf({ text, attachments }: Omit<IndexedMessage, "senderId">): Places {
  const places: Places = new Map();
  let position = 0;
  let bytesLeft = maxEntryBytes;
  const add = (word: string) => {
    position += 1;
    const known = places.get(word);
    if (known && (known.length >= maxPositionsPerWord || position > maxPosition)) return;
    bytesLeft -= placeBytes + (known ? 0 : wordBytes + maxBytesPerUnit * word.length);
    if (bytesLeft < 0) return;
    if (known) known.push(position);
    else places.set(word, [Math.min(position, maxPosition)]);
  };
  visitWords(text.slice(0, maxIndexedUnits), add);
  for (const { name } of attachments ?? []) {
    position += gap;
    visitWords(name, add);
  }
  return places;
}

export function tsvectorOf({ senderId, attachments }: Omit<IndexedMessage, "text">, places: Places): string {
  let tsvector = `'${senderLexeme(senderId)}'`;
  if (attachments) tsvector += ` '${attachmentLexeme}'`;
  // Words hold letters and digits only: nothing in them needs quoting.
  for (const [word, at] of places) tsvector += ` '${word}':${at.length === 1 ? at[0] : at.join(",")}`;
  return tsvector;
}

const number = /\p{N}/u;

/** Without numbers and codes, of which there is no end, and which nobody means when they write another. */
const isOfVocabulary = (word: string): boolean =>
  word.length <= maxVocabularyCharacters && !number.test(word);

/** The words that belong in the vocabulary, but for those known to be there: of the first thousand, so that no message is dear. */
export function vocabularyOf(places: Places, isKnown: (word: string) => boolean): string[] {
  const words: string[] = [];
  let nth = 0;
  for (const word of places.keys()) {
    if (++nth > maxVocabularyWords) break;
    if (!isKnown(word) && isOfVocabulary(word)) words.push(word);
  }
  return words;
}
