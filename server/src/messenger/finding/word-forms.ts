/** Other forms of words, in the languages that they may be of: those of the vocabulary with the same stem. */
import { dictionariesFor, restoredEndings } from "#messenger/finding/dictionaries.ts";
import { findStems, type WordInLanguage } from "#messenger/store-finding.ts";
import { type FormsOf, findForms } from "#messenger/store-vocabulary.ts";
import type { Queryable } from "#platform/database.ts";

export interface WordForms {
  forms: string[];
  /** Too common, in one of the languages, to say anything. */
  isStopWord: boolean;
}

/** Shorter beginnings are those of too many words. */
const minBeginning = 2;

export async function findWordForms(
  tx: Queryable,
  words: readonly string[],
  languages: readonly string[],
): Promise<Map<string, WordForms>> {
  const found = new Map<string, WordForms>(words.map((word) => [word, { forms: [], isStopWord: false }]));
  const asked = words.flatMap((word) =>
    dictionariesFor(word, languages).flatMap((dictionary) =>
      variantsOf(word, dictionary).map((variant) => ({ ...variant, asked: word, dictionary })),
    ),
  );
  const stems = await findStems(tx, asked);
  const wanted: Array<FormsOf & { word: string }> = [];
  for (const [index, { asked: word, dictionary, ending, restored }] of asked.entries()) {
    const stem = stems[index];
    if (stem === undefined) continue;
    if (stem === "") found.get(word)!.isStopWord = true;
    const beginning = commonBeginning(word, stem);
    if (beginning.length >= minBeginning)
      wanted.push({ word, dictionary, stem, beginning, ending, restored });
  }
  const forms = await findForms(tx, wanted);
  const stopWords = await findStopWords(tx, wanted, forms, languages);
  for (const [index, { word, dictionary }] of wanted.entries()) {
    const others = dictionariesFor(word, languages).filter((other) => other !== dictionary);
    const isForeign = (form: string) =>
      form !== word && others.some((other) => stopWords.has(pairOf(form, other)));
    found.get(word)!.forms.push(...forms[index]!.filter((form) => !isForeign(form)));
  }
  return found;
}

const pairOf = (word: string, dictionary: string) => `${dictionary} ${word}`;

/**
 * Which of the forms are stop words of another language than theirs (to the German dictionary "notes" is a form of
 * "not"): most messages have them, and mean something else.
 */
async function findStopWords(
  tx: Queryable,
  wanted: ReadonlyArray<{ word: string; dictionary: string }>,
  forms: readonly string[][],
  languages: readonly string[],
): Promise<Set<string>> {
  const asked = new Map<string, WordInLanguage>();
  for (const [index, { word, dictionary }] of wanted.entries()) {
    for (const other of dictionariesFor(word, languages)) {
      if (other === dictionary) continue;
      for (const form of forms[index]!) asked.set(pairOf(form, other), { word: form, dictionary: other });
    }
  }
  const stems = await findStems(tx, [...asked.values()]);
  return new Set([...asked.keys()].filter((_, index) => stems[index] === ""));
}

/** The word as it is, and once more for each ending that folding may have changed. */
function variantsOf(word: string, dictionary: string) {
  const variants = [{ word, ending: "", restored: "" }];
  for (const [ending, restored] of restoredEndings[dictionary] ?? []) {
    const original = word.replace(new RegExp(ending), restored.replaceAll(/\\(\d)/g, "$$$1"));
    variants.push({ word: original, ending, restored });
  }
  return variants;
}

function commonBeginning(word: string, stem: string): string {
  let length = 0;
  while (length < word.length && word[length] === stem[length]) length += 1;
  // A stemmer may have put another letter in the place of one that ends the word (happy: happi).
  return word.slice(0, length);
}
