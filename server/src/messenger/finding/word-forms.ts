/** Other forms of words, in the languages that they may be of: those of the vocabulary with the same stem. */
import { dictionariesFor, restoredEndings } from "#messenger/finding/dictionaries.ts";
import { findStems } from "#messenger/store-finding.ts";
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
  for (const [index, { word }] of wanted.entries()) found.get(word)!.forms.push(...forms[index]!);
  return found;
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
