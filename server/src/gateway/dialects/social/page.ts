import { wholeNumber } from "#gateway/dialects/fields.ts";

export interface Page {
  limit: number;
  offset: number;
}

const standardLimit = 50;
const anyNumber = 999_999_999;

/** Who asks for more than there is in a page gets a full page, and is told its size. */
export function readPage(query: URLSearchParams, maxLimit: number): Page {
  const limit = wholeNumber(query, "limit", { standard: standardLimit, min: 1, max: anyNumber });
  const offset = wholeNumber(query, "offset", { standard: 0, min: 0, max: anyNumber });
  return { limit: Math.min(limit, maxLimit), offset };
}
