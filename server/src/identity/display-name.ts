/** The names that users show to others. */
import { invalidInput } from "#platform/errors.ts";

const maxCharacters = 100;
/** Controls, line ends, private use, lone surrogates, and marks that reverse the text around them. */
const unfit = /[\p{Cc}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/gu;
const visible = /[^\p{Z}\p{C}\p{M}]/u;

/** The name as it is kept; throws when it cannot be one. */
export function requireDisplayName(text: string): string {
  const name = text.normalize("NFC").trim();
  if (name.search(unfit) >= 0) throw invalidInput("name", "must not hold control characters");
  if (!visible.test(name)) throw invalidInput("name", "must have at least one visible character");
  if ([...name].length > maxCharacters) {
    throw invalidInput("name", `must have at most ${maxCharacters} characters`);
  }
  return name;
}

/** The nearest name that is fit, for names out of outside tokens, which nobody can correct. */
export function toDisplayName(text: string, fallback: string): string {
  const name = [...text.normalize("NFC").replace(unfit, "").trim()].slice(0, maxCharacters).join("");
  return visible.test(name) ? name.trim() : fallback;
}
