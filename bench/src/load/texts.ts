import { createRandom } from "./schedule.ts";

const vocabularySize = 5_000;
const syllables = ["ka", "lo", "min", "tur", "be", "sen", "dro", "vi", "pal", "er", "osh", "ju"];

/** Texts of about this many bytes, of words as many and as varied as a text index would see. */
export function createTexts(count: number, bytes: number, seed: number): string[] {
  const random = createRandom(seed);
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!;
  const word = () => Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(syllables)).join("");
  const vocabulary = Array.from({ length: vocabularySize }, word);
  return Array.from({ length: count }, () => {
    let text = pick(vocabulary);
    while (text.length < bytes) text += ` ${pick(vocabulary)}`;
    return text.slice(0, bytes).trimEnd();
  });
}
