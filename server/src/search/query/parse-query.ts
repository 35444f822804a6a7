/**
 * The text of a query, as the comment on SearchService says: what is looked for, and where. It makes sense of whatever
 * people type; refused is only what would say nothing, and a value that cannot be meant.
 */

import { invalidInput } from "#platform/errors.ts";
import { clampTime, parseQueryTime } from "#search/query/query-time.ts";
import { type QueryToken, queryTokens } from "#search/query/query-tokens.ts";

export interface QueryTerm {
  text: string;
  phrase: boolean;
  prefix: boolean;
  excluded: boolean;
}

export interface ParsedQuery {
  terms: QueryTerm[];
  /** As they were written: ids, e-mails, names, "me". Any of them. */
  from: string[];
  /** As they were written: ids and titles. Any of them. */
  in: string[];
  beforeMs?: number;
  notBeforeMs?: number;
  hasAttachment: boolean;
}

const maxQueryCharacters = 1_000;
const maxTerms = 32;
/** People or chats. */
const maxValues = 10;
const minCharacters = 2;

/** As the index takes texts apart, see the messenger's text-index/words-of.ts. */
const word = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*|\p{Extended_Pictographic}/gu;
const endsWithWord = /[\p{L}\p{N}\p{M}]$/u;
/** English: don't, Anna's. Nobody who has typed that wants all that begins with the letter. */
const endsWithShortForm = /\p{L}['’][stdm]$/iu;
/** One of these characters may be a word. Web clients ask the same before they call (web/src/state/search-state.ts). */
const wholeWord =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Extended_Pictographic}]/u;

/** `field` is the request's, for errors. */
export function parseQuery(text: string, field: string): ParsedQuery {
  const refuse = (message: string) => invalidInput(field, message);
  // Characters take one or two units: most texts need not be counted.
  if (text.length > maxQueryCharacters && [...text].length > maxQueryCharacters) {
    throw refuse(`must be at most ${maxQueryCharacters} characters`);
  }
  const query: ParsedQuery = { terms: [], from: [], in: [], hasAttachment: false };
  for (const token of queryTokens(text)) {
    const problem = token.operator === "" ? addTerms(query, token) : addOperator(query, token);
    if (problem) throw refuse(problem);
  }
  const problem = sizeProblem(query);
  if (problem) throw refuse(problem);
  return query;
}

function addTerms({ terms }: ParsedQuery, { text, quoted, excluded, last }: QueryToken): undefined {
  const words = text.match(word);
  if (!words) return;
  if (quoted) terms.push({ text: text.trim(), phrase: true, prefix: false, excluded });
  // All the words together must not be there, rather than any of them.
  else if (excluded) terms.push({ text: words.join(" "), phrase: words.length > 1, prefix: false, excluded });
  else {
    const isBeginning = last && endsWithWord.test(text) && !endsWithShortForm.test(text);
    words.forEach((each, index) => {
      const prefix = isBeginning && index === words.length - 1;
      terms.push({ text: each, phrase: false, prefix, excluded });
    });
  }
}

/** Answers what is wrong with it. One without a value says nothing: people type it before they type the value. */
function addOperator(query: ParsedQuery, { operator, text, excluded }: QueryToken): string | undefined {
  const value = text.trim();
  if (value === "") return undefined;
  if (excluded) return `-${operator}: only words can be excluded`;
  if (operator === "from" || operator === "in") {
    query[operator].push(value);
    return query[operator].length > maxValues
      ? `${operator}: must be there at most ${maxValues} times`
      : undefined;
  }
  if (operator === "has") {
    if (!/^attachments?$/i.test(value)) return 'has: must be "attachment"';
    query.hasAttachment = true;
    return undefined;
  }
  return addTime(query, operator, value);
}

/** Of several, all hold: so the narrowest. */
function addTime(query: ParsedQuery, operator: string, value: string): string | undefined {
  const time = parseQueryTime(value);
  if (!time) return `${operator}: must be a day as 2026-11-21 or a time as 2026-11-21T08:30:00Z`;
  if (operator === "before") {
    query.beforeMs = clampTime(Math.min(time.firstMs, query.beforeMs ?? Number.POSITIVE_INFINITY));
  } else {
    query.notBeforeMs = clampTime(Math.max(time.lastMs + 1, query.notBeforeMs ?? Number.NEGATIVE_INFINITY));
  }
  return undefined;
}

const minimum =
  "must have at least 2 letters or digits, or one Chinese, Japanese or Korean character, to look for";

function sizeProblem(query: ParsedQuery): string | undefined {
  const { terms } = query;
  if (terms.length > maxTerms) return `must be at most ${maxTerms} words`;
  const narrows =
    query.from.length > 0 ||
    query.in.length > 0 ||
    query.beforeMs !== undefined ||
    query.notBeforeMs !== undefined ||
    query.hasAttachment;
  if (narrows) return undefined;
  const wanted = terms.filter(({ excluded }) => !excluded).map(({ text }) => text);
  if (terms.length > 0 && wanted.length === 0)
    return "must say what to look for, not only what must not be there";
  const characters = wanted.flatMap((text) => text.match(/[\p{L}\p{N}]/gu) ?? []).length;
  return characters >= minCharacters || wanted.some((text) => wholeWord.test(text)) ? undefined : minimum;
}
