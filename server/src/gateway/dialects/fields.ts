/** Reads what old clients send, field by field. */
import type { JsonObject } from "#gateway/dialects/dialect.ts";
import { invalidInput } from "#platform/errors.ts";

/** Throws "invalid-input" unless it is there, is a text, and is not empty. */
export function requiredText(from: JsonObject | URLSearchParams, name: string): string {
  const value = optionalText(from, name);
  if (value === "") throw invalidInput(name, "is required");
  return value;
}

/** Empty when it is not there, or null; throws when it is no text. */
export function optionalText(from: JsonObject | URLSearchParams, name: string): string {
  const value = from instanceof URLSearchParams ? from.get(name) : from[name];
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw invalidInput(name, "must be a text");
  // On the way to another process it would become another text.
  if (!value.isWellFormed()) throw invalidInput(name, "must be Unicode");
  if (value.includes("\0")) throw invalidInput(name, "must not hold the character U+0000");
  return value;
}

/** Of a query. Throws when it is no whole number within the range. */
export function wholeNumber(
  query: URLSearchParams,
  name: string,
  { standard, min, max }: { standard: number; min: number; max: number },
): number {
  const text = query.get(name);
  if (text === null || text === "") return standard;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw invalidInput(name, `must be a whole number from ${min} to ${max}`);
  return value;
}
