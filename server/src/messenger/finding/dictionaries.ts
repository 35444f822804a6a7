/**
 * Languages whose word forms PostgreSQL knows, by ISO 639-1, and those a word may be of by its letters. A chat may be in
 * any language that has a code (language-code.ts), and is found to be in those that detect-language.ts and its library
 * know; without a dictionary, its words are found as they are written.
 */

/** Text search dictionaries that come with PostgreSQL 15. */
const dictionaries: Record<string, string> = {
  ar: "arabic_stem",
  ca: "catalan_stem",
  da: "danish_stem",
  de: "german_stem",
  el: "greek_stem",
  en: "english_stem",
  es: "spanish_stem",
  eu: "basque_stem",
  fi: "finnish_stem",
  fr: "french_stem",
  ga: "irish_stem",
  hi: "hindi_stem",
  hu: "hungarian_stem",
  hy: "armenian_stem",
  id: "indonesian_stem",
  it: "italian_stem",
  lt: "lithuanian_stem",
  ne: "nepali_stem",
  nl: "dutch_stem",
  nb: "norwegian_stem",
  nn: "norwegian_stem",
  no: "norwegian_stem",
  pt: "portuguese_stem",
  ro: "romanian_stem",
  ru: "russian_stem",
  sr: "serbian_stem",
  sv: "swedish_stem",
  ta: "tamil_stem",
  tr: "turkish_stem",
  yi: "yiddish_stem",
};

/** Written in other letters than Latin ones. */
const scripts: Array<{ letters: RegExp; languages: string[] }> = [
  { letters: /\p{Script=Cyrillic}/u, languages: ["ru", "sr"] },
  { letters: /\p{Script=Greek}/u, languages: ["el"] },
  { letters: /\p{Script=Arabic}/u, languages: ["ar"] },
  { letters: /\p{Script=Armenian}/u, languages: ["hy"] },
  { letters: /\p{Script=Devanagari}/u, languages: ["hi", "ne"] },
  { letters: /\p{Script=Tamil}/u, languages: ["ta"] },
  { letters: /\p{Script=Hebrew}/u, languages: ["yi"] },
];
const latin = /^[\p{Script=Latin}\p{M}]+$/u;
const ofOtherLetters = new Set(scripts.flatMap(({ languages }) => languages).filter((code) => code !== "sr"));
const maxPerWord = 5;

/** Dictionaries of the word, out of languages with the most usual one first; none for words with digits. */
export function dictionariesFor(word: string, languages: readonly string[]): string[] {
  return languagesFor(word, languages)
    .slice(0, maxPerWord)
    .map((code) => dictionaries[code]!);
}

function languagesFor(word: string, languages: readonly string[]): string[] {
  if (latin.test(word)) {
    const fitting = languages.filter((code) => code in dictionaries && !ofOtherLetters.has(code));
    // English words turn up everywhere.
    return [...new Set([...fitting.slice(0, maxPerWord - 1), "en"])];
  }
  const script = scripts.find(({ letters }) => letters.test(word));
  if (!script) return [];
  const spoken = script.languages.filter((code) => languages.includes(code));
  return spoken.length > 0 ? spoken : script.languages.slice(0, 1);
}

/**
 * Folding takes accents off that the stemmers of some languages go by. What is lost most often is put back before a
 * word is given to them: `[pattern, replacement]` of regexp_replace.
 */
export const restoredEndings: Record<string, ReadonlyArray<readonly [string, string]>> = {
  spanish_stem: [["cion$", "ción"]],
  portuguese_stem: [
    ["cao$", "ção"],
    ["coes$", "ções"],
  ],
  french_stem: [["([^e])ee(s?)$", "\\1ée\\2"]],
};
