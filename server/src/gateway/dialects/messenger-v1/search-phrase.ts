/** A phrase in the old API is words and nothing more: what v2 takes for an operator is a word like any other. */
import { invalidInput } from "#platform/errors.ts";

const minCharacters = 4;
/** As search takes queries apart; between these nothing is left that could mean more. */
const word = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*|\p{Extended_Pictographic}/gu;
/** People do not see them, also in the middle of a word. */
const invisible = /\p{Cf}/gu;

/** Throws "invalid-input" when the phrase is too short, or there is nothing in it to look for. */
export function toQuery(phrase: string, field: string): string {
  const text = phrase.replace(invisible, "").trim();
  if ([...text].length < minCharacters)
    throw invalidInput(field, `must have ${minCharacters} characters or more`);
  const words = text.match(word);
  if (!words) throw invalidInput(field, "must have letters or digits to look for");
  // The space at the end says that the last word is whole.
  return `${words.join(" ")} `;
}
