/** What the messenger makes sure of itself, whoever calls: the database takes nothing malformed. */
import type { HandlerContext } from "@connectrpc/connect";
import { type Actor, requireActor } from "#platform/actor.ts";
import { fault, invalidInput } from "#platform/errors.ts";
import { fitsOneLine } from "#platform/one-line.ts";
import { textProblem } from "#platform/text-problem.ts";
import { isUuid } from "#platform/uuid.ts";

export { textProblem };

const largestInt = 2_147_483_647;

/** The id as the database writes it; undefined when it is none. */
export function canonicalId(text: string): string | undefined {
  return isUuid(text) ? text.toLowerCase() : undefined;
}

export function readId(field: string, text: string): string {
  const id = canonicalId(text);
  if (!id) throw invalidInput(field, "must be a UUID");
  return id;
}

/** Each id once. */
export function readIds(field: string, texts: readonly string[], maxItems: number): string[] {
  if (texts.length > maxItems) throw invalidInput(field, `must hold at most ${maxItems} items`);
  return [...new Set(texts.map((text) => readId(field, text)))];
}

/** Whether the caller may have others paid for. Where everyone may, dispatch knows. */
export const mayPay = ({ roles }: Pick<Actor, "roles">): boolean => roles.includes("paid");

/** The caller's user id. */
export function callerOf(context: HandlerContext): string {
  return canonicalId(requireActor(context).userId) ?? refuseCaller();
}

function refuseCaller(): never {
  throw fault("unauthenticated");
}

/** What is wrong with a title or a name; undefined when nothing is. */
export function nameProblem(text: string, maxCharacters: number): string | undefined {
  if (text === "") return "must not be empty";
  // A character is one or two UTF-16 units.
  if (text.length > maxCharacters && [...text.slice(0, 2 * maxCharacters + 1)].length > maxCharacters) {
    return `must be at most ${maxCharacters} characters`;
  }
  return fitsOneLine(text) ? undefined : "must have something to see, and no control characters";
}

export function requireNoProblem(field: string, problem: string | undefined): void {
  if (problem) throw invalidInput(field, problem);
}

/** A cursor or ordinal number past anything that exists means the end, and must still fit the database's type. */
export function clampToInt(value: number): number {
  return Math.min(value, largestInt);
}

export function pageSize(limit: number, sizes: { standard: number; max: number }): number {
  if (limit > sizes.max) throw invalidInput("limit", `must be at most ${sizes.max}`);
  return limit === 0 ? sizes.standard : limit;
}
