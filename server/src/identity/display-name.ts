/** The names that users show to others. */
import { invalidInput } from "#platform/errors.ts";
import { unfitForOneLine, visible } from "#platform/one-line.ts";

const maxCharacters = 100;
const everyUnfit = new RegExp(unfitForOneLine, "gu");

/** The name as it is kept; throws when it cannot be one. */
export function requireDisplayName(text: string): string {
  const name = requireNamePart("name", text);
  if (!visible.test(name)) throw invalidInput("name", "must have at least one visible character");
  return name;
}

/** As it is kept, and it may be empty, as a surname may. */
export function requireNamePart(field: string, text: string): string {
  const name = text.normalize("NFC").trim();
  if (unfitForOneLine.test(name)) throw invalidInput(field, "must not hold control characters");
  if ([...name].length > maxCharacters) {
    throw invalidInput(field, `must have at most ${maxCharacters} characters`);
  }
  return name;
}

/** The nearest name that is fit, for names out of outside tokens, which nobody can correct. */
export function toDisplayName(text: string, fallback: string): string {
  const name = [...text.normalize("NFC").replace(everyUnfit, "").trim()].slice(0, maxCharacters).join("");
  return visible.test(name) ? name.trim() : fallback;
}
