import type { Path, Problem } from "#dispatch/providers/problem.ts";
import type { ProviderEntry } from "#dispatch/providers/providers-file.ts";
import { type Environment, expandSecrets } from "#dispatch/providers/secrets.ts";

/** RFC 9110, a token. */
const nameForm = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110, a field value: no control characters but the tab, and nothing beyond a byte. */
const valueForm = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Parley, or the connection, decides on these. */
const reserved = new Set([
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What is wrong with it, if anything is. */
export function checkHeaderName(name: string): string | undefined {
  if (!nameForm.test(name)) return "is not the name of a header";
  return reserved.has(name.toLowerCase()) ? "is a header that cannot be chosen" : undefined;
}

export function checkHeaders(
  { headers = {} }: ProviderEntry,
  path: Path,
  environment: Environment,
): Problem[] {
  const seen = new Set<string>();
  return Object.entries(headers).flatMap(([name, text]): Problem[] => {
    const here = [...path, "headers", name];
    const isRepeated = seen.has(name.toLowerCase());
    seen.add(name.toLowerCase());
    const nameProblem = checkHeaderName(name) ?? (isRepeated ? "is given twice" : undefined);
    if (nameProblem) return [{ path: here, message: nameProblem, isAboutName: true }];
    const expanded = expandSecrets(text, environment);
    if ("problem" in expanded) return [{ path: here, message: expanded.problem }];
    if (valueForm.test(expanded.value)) return [];
    return [{ path: here, message: "has a character that no header may have, such as a line break" }];
  });
}
