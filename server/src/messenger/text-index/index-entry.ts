/** What is kept of a message so that it is found: a tsvector, as PostgreSQL reads it. */
import { wordsOf } from "#messenger/text-index/words-of.ts";

export interface IndexEntry {
  tsvector: string;
  /** The distinct words that belong in the vocabulary, where words like a given one are found. */
  words: string[];
}

/** tsvector keeps no greater position, and no more positions of one word. */
const maxPosition = 16_383;
const maxPositionsPerWord = 255;
const maxVocabularyCharacters = 40;

/** A lexeme that no word is: every message of this sender has it. Senders may share it, rarely. */
export const senderLexeme = (senderId: string): string => `@${senderId.replaceAll("-", "").slice(-8)}`;

export function indexEntryOf({ text, senderId }: { text: string; senderId: string }): IndexEntry {
  const positions = new Map<string, number[]>();
  let position = 0;
  for (const { word } of wordsOf(text)) {
    position += 1;
    const known = positions.get(word);
    if (!known) positions.set(word, [Math.min(position, maxPosition)]);
    else if (known.length < maxPositionsPerWord && position <= maxPosition) known.push(position);
  }
  let tsvector = `'${senderLexeme(senderId)}'`;
  // Words hold letters and digits only: nothing in them needs quoting.
  for (const [word, places] of positions) tsvector += ` '${word}':${places.join(",")}`;
  return { tsvector, words: [...positions.keys()].filter(isOfVocabulary) };
}

/** Without numbers and codes, of which there is no end, and which nobody means when they write another. */
const isOfVocabulary = (word: string) => word.length <= maxVocabularyCharacters && !/\p{N}/u.test(word);
