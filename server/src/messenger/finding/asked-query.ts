/** What was asked for, checked and taken apart into words. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { MessageQuery, SearchTerm } from "@parley/api/internal/messenger";
import { latestMs } from "#messenger/cursor.ts";
import { readIds } from "#messenger/input.ts";
import { unspaced, wordsOf } from "#messenger/text-index/words-of.ts";
import { invalidInput } from "#platform/errors.ts";

export interface AskedQuery {
  terms: AskedTerm[];
  senderIds: string[];
  chats: string[];
  /** Milliseconds since 1970, exclusive. */
  beforeMs: number | undefined;
  /** Inclusive. */
  notBeforeMs: number | undefined;
  hasAttachment: boolean;
  /** Words spelt nearly so do as well, however much there is without them. */
  fuzzy: boolean;
}

/** Runs of words that stand next to each other in the message. */
export interface AskedTerm {
  runs: WordRun[];
  phrase: boolean;
  prefix: boolean;
  excluded: boolean;
}

export interface WordRun {
  /** Folded; more than one only where nothing separates them. */
  words: string[];
  /** Written without spaces: where one word ends and the next begins is a guess. */
  isUnspaced: boolean;
}

/** As search's parse-query.ts refuses it to people, with a better sentence: here it holds whoever calls. */
const maxTerms = 32;
const maxTermLength = 1_000;
const maxWordsPerTerm = 64;
const maxSenders = 1_000;
const maxChats = 100;
/** A character that may mean something alone. */
const fullCharacter =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Extended_Pictographic}]/u;

export function readQuery(query: MessageQuery | undefined): AskedQuery {
  if (!query) throw invalidInput("query", "must be given");
  if (query.terms.length > maxTerms) throw invalidInput("query", `must hold at most ${maxTerms} words`);
  if (query.chats.length > maxChats) throw invalidInput("query", `must name at most ${maxChats} chats`);
  const asked: AskedQuery = {
    terms: query.terms.flatMap(readTerm),
    senderIds: readIds("query.senderIds", query.senderIds, maxSenders),
    chats: query.chats,
    beforeMs: toMs(query.before),
    notBeforeMs: toMs(query.notBefore),
    hasAttachment: query.hasAttachment,
    fuzzy: query.fuzzy,
  };
  if (asked.terms.length > maxTerms) throw invalidInput("query", `must hold at most ${maxTerms} words`);
  requireEnough(asked, query);
  return asked;
}

function requireEnough(asked: AskedQuery, query: MessageQuery): void {
  const wanted = asked.terms.filter((term) => !term.excluded);
  const isAskedForWords = query.terms.some((term) => !term.excluded);
  if (!isAskedForWords) {
    const { senderIds, chats, beforeMs, notBeforeMs, hasAttachment } = asked;
    const filters = [senderIds.length > 0, chats.length > 0, beforeMs, notBeforeMs, hasAttachment];
    if (filters.some((filter) => filter !== undefined && filter !== false)) return;
    throw invalidInput("query", "must say what to look for, not only what to leave out");
  }
  const text = wanted.flatMap((term) => term.runs.flatMap((run) => run.words)).join("");
  if ([...text].length >= 2 || fullCharacter.test(text)) return;
  throw invalidInput(
    "query",
    "must hold at least 2 letters or digits, or 1 Chinese, Japanese or Korean character",
  );
}

/** A term of a text with several runs of unspaced words is as many terms, unless it is a phrase. */
function readTerm({ text, phrase, prefix, excluded }: SearchTerm): AskedTerm[] {
  if (text.length > maxTermLength) {
    throw invalidInput("query", `must hold no word of more than ${maxTermLength} characters`);
  }
  const runs = runsOf(text);
  if (runs.length === 0) return [];
  if (phrase || !runs.some((run) => run.isUnspaced)) return [{ runs, phrase, prefix, excluded }];
  return runs.map((run, index) => ({
    runs: [run],
    phrase,
    prefix: prefix && index === runs.length - 1,
    excluded,
  }));
}

function runsOf(text: string): WordRun[] {
  const runs: WordRun[] = [];
  let lastEnd = -1;
  for (const { word, start, end } of wordsOf(text).slice(0, maxWordsPerTerm)) {
    const isUnspaced = unspaced.test(word);
    const last = runs.at(-1);
    if (last && start === lastEnd && (isUnspaced || last.isUnspaced)) {
      last.words.push(word);
      last.isUnspaced = true;
    } else {
      runs.push({ words: [word], isUnspaced });
    }
    lastEnd = end;
  }
  return runs;
}

/** Messages carry whole milliseconds, so a bound between two of them is the later one. */
function toMs(time: Timestamp | undefined): number | undefined {
  if (!time) return undefined;
  const ms = Number(time.seconds) * 1_000 + Math.ceil(time.nanos / 1_000_000);
  return Math.min(Math.max(ms, 0), latestMs);
}
