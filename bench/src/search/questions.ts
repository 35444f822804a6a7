/** What is asked for: out of messages that the asker can find, so that every question has an answer. */
import { createRandom } from "../load/schedule.ts";
import type { GeneratedText, Word } from "./vocabulary.ts";

export interface QuestionKind {
  /** For people. */
  name: string;
  /** Undefined when nothing in this message can be asked for in this way. */
  ask(message: GeneratedText, random: () => number): string | undefined;
}

const rareFrom = 20_000;
const commonBelow = 10;
const typoFromLetters = 8;
const prefixLetters = 4;

const pick = <T>(from: readonly T[], random: () => number): T | undefined =>
  from[Math.floor(random() * from.length)];
const isChinese = ({ language }: GeneratedText) => language === "chinese";

function wordWhere(condition: (word: Word) => boolean): QuestionKind["ask"] {
  return (message, random) =>
    isChinese(message) ? undefined : pick(message.words.filter(condition), random)?.text;
}

export const questionKinds: readonly QuestionKind[] = [
  // The space says that the word is complete.
  { name: "rare word", ask: ended(wordWhere(({ rank }) => rank >= rareFrom)) },
  { name: "common word", ask: ended(wordWhere(({ rank }) => rank < commonBelow)) },
  { name: "phrase of three", ask: phrase },
  { name: "typo, 2 letters off", ask: typo },
  { name: `first ${prefixLetters} letters`, ask: beginning },
  {
    name: "Chinese word",
    ask: (message, random) => (isChinese(message) ? pick(message.words, random)?.text : undefined),
  },
];

function ended(ask: QuestionKind["ask"]): QuestionKind["ask"] {
  return (message, random) => {
    const word = ask(message, random);
    return word && `${word} `;
  };
}

function phrase(message: GeneratedText, random: () => number): string | undefined {
  const { words } = message;
  if (isChinese(message) || words.length < 3) return undefined;
  const start = Math.floor(random() * (words.length - 2));
  const three = words.slice(start, start + 3).map(({ text }) => text);
  return `"${three.join(" ")}"`;
}

function typo(message: GeneratedText, random: () => number): string | undefined {
  const word = wordWhere(({ text }) => text.length >= typoFromLetters)(message, random);
  if (!word) return undefined;
  const at = 1 + Math.floor(random() * (word.length - 5));
  const other = word.codePointAt(at)! > 0x400 ? "ъ" : "x";
  return `${word.slice(0, at)}${other}${word.slice(at + 1, at + 4)}${word.slice(at + 5)} `;
}

function beginning(message: GeneratedText, random: () => number): string | undefined {
  const word = wordWhere(({ text }) => text.length > prefixLetters)(message, random);
  return word?.slice(0, prefixLetters);
}

/** Distinct questions of one kind. */
export function createQuestions(
  kind: QuestionKind,
  { messages, count, seed }: { messages: readonly GeneratedText[]; count: number; seed: number },
): string[] {
  const random = createRandom(seed);
  const questions = new Set<string>();
  for (let tries = 0; questions.size < count && tries < count * 50; tries++) {
    const question = kind.ask(pick(messages, random)!, random);
    if (question) questions.add(question);
  }
  if (questions.size === 0) throw new Error(`nothing to ask for: ${kind.name}`);
  return [...questions];
}
