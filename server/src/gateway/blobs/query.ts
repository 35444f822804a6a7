import type { IncomingMessage } from "node:http";
import { parseQuery } from "#gateway/rest/query-string.ts";
import { invalidInput } from "#platform/errors.ts";

/** Throws "invalid-input" when there is a parameter that means nothing here, as all of REST does. */
export function checkQuery({ url = "" }: IncomingMessage, known: readonly string[]): void {
  const at = url.indexOf("?");
  for (const { name } of parseQuery(at < 0 ? "" : url.slice(at + 1))) {
    if (!known.includes(name)) throw invalidInput(name.slice(0, 64), "there is no such query parameter");
  }
}
