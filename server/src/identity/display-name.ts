/** The names that users show to others. */
import { invalidInput } from "#platform/errors.ts";

const maxCharacters = 100;
/** Controls, line ends, private use, lone surrogates, and marks that reverse the text around them. */
const unfit = /[\p{Cc}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u;
const everyUnfit = new RegExp(unfit, "gu");
const visible = /[^\p{Z}\p{C}\p{M}]/u;

/** The name as it is kept; throws when it cannot be one. */
export function requireDisplayName(text: string): string {
  const name = requireNamePart("name", text);
  if (!visible.test(name)) throw invalidInput("name", "must have at least one visible character");
  return name;
}

/** As it is kept, and it may be empty, as a surname may. */
export function requireNamePart(field: string, text: string): string {
  const name = text.normalize("NFC").trim();
  if (unfit.test(name)) throw invalidInput(field, "must not hold control characters");
  if ([...name].length > maxCharacters) {
    throw invalidInput(field, `must have at most ${maxCharacters} characters`);
  }
  return name;
}

/** Whether the text has something to see, and nothing that harms a line of text it is put into. */
export const fitsOneLine = (text: string): boolean => !unfit.test(text) && visible.test(text);

/** The nearest name that is fit, for names out of outside tokens, which nobody can correct. */
export function toDisplayName(text: string, fallback: string): string {
  const name = [...text.normalize("NFC").replace(everyUnfit, "").trim()].slice(0, maxCharacters).join("");
  return visible.test(name) ? name.trim() : fallback;
}
