/** Other forms of words, in the languages that they may be of: those of the vocabulary with the same stem. */
import { dictionariesFor, restoredEndings } from "#messenger/finding/languages.ts";
import { type FormsOf, findForms, findStems } from "#messenger/store-finding.ts";
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
  const foreign = await findForeign(tx, wanted, forms, languages);
  for (const [index, { word, dictionary }] of wanted.entries()) {
    const own = forms[index]!.filter((form) => form === word || !foreign.has(pairOf(form, dictionary)));
    found.get(word)!.forms.push(...own);
  }
  return found;
}

const pairOf = (form: string, dictionary: string) => `${dictionary} ${form}`;

/**
 * Forms by one language's dictionary that are stop words of another (to the German one "notes" is a form of "not"):
 * most messages have them, and mean something else.
 */
async function findForeign(
  tx: Queryable,
  wanted: ReadonlyArray<{ word: string; dictionary: string }>,
  forms: readonly string[][],
  languages: readonly string[],
): Promise<Set<string>> {
  const pairs = wanted.flatMap(({ word, dictionary }, index) => {
    const others = dictionariesFor(word, languages).filter((other) => other !== dictionary);
    return forms[index]!.flatMap((form) =>
      form === word ? [] : others.map((other) => ({ word: form, dictionary: other, by: dictionary })),
    );
  });
  const stems = await findStems(tx, pairs);
  const foreign = pairs.filter((_, index) => stems[index] === "");
  return new Set(foreign.map(({ word, by }) => pairOf(word, by)));
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
