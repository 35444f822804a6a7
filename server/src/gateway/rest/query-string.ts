import { fault } from "#platform/errors.ts";

export interface QueryParameter {
  name: string;
  value: string;
}

/** More than any route has; what is beyond is refused. */
const maxParameters = 1_000;

/**
 * Strict, unlike URLSearchParams: percent-encoding that is broken or not UTF-8 is "malformed-request" rather than
 * replaced in silence.
 */
export function parseQuery(query: string): QueryParameter[] {
  if (query === "") return [];
  const pairs = query.split("&", maxParameters + 1).filter((pair) => pair !== "");
  if (pairs.length > maxParameters)
    throw fault("malformed-request", { detail: "The query has too many parameters" });
  return pairs.map((pair) => {
    const at = pair.indexOf("=");
    return at < 0
      ? { name: decode(pair), value: "" }
      : { name: decode(pair.slice(0, at)), value: decode(pair.slice(at + 1)) };
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (error) {
    throw fault("malformed-request", {
      detail: "The query is not valid percent-encoded UTF-8",
      cause: error,
    });
  }
}
