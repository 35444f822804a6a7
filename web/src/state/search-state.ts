/** What the search box, and the list below it, show. */
import type { SearchHit } from "@parley/client";

export interface SearchState {
  /** As it stands in the box. */
  readonly text: string;
  /** "empty", "short": nothing, or too little to search for. "refused": the server asks for another query. */
  readonly status: "empty" | "short" | "searching" | "found" | "refused" | "failed";
  /** While it searches: those that were found for the text before. */
  readonly hits: readonly SearchHit[];
  /** There may be more than the hits. */
  readonly partial: boolean;
  /** Why it was refused, or has failed. */
  readonly problem: string | undefined;
  /** The search for everything that matches, once it was asked for. */
  readonly everything: Everything | undefined;
  /** The message of the hit that is being opened. */
  readonly openingId: string | undefined;
}

export interface Everything {
  readonly status: "waiting" | "running" | "done" | "failed";
  readonly resultCount: number;
  readonly partial: boolean;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
  /** Why it has failed, or why the next page did not come. */
  readonly problem: string | undefined;
}

/** Of a search while somebody types. */
export const maxHits = 20;

export const initialSearch: SearchState = {
  text: "",
  status: "empty",
  hits: [],
  partial: false,
  problem: undefined,
  everything: undefined,
  openingId: undefined,
};

export const initialEverything: Everything = {
  status: "waiting",
  resultCount: 0,
  partial: false,
  hasMore: false,
  isLoadingMore: false,
  problem: undefined,
};

/** Of which one character says as much as a word. */
const wordLike =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Extended_Pictographic}]/u;
const letters = /[\p{L}\p{N}]/gu;
const operators = /(?<!\S)-?(from|in|before|after|has):/gi;
/** A chat's title may be of one letter. */
const chat = /(?<!\S)in:"?[\p{L}\p{N}]/iu;

/** Below this the server would only say that it is too little. */
export function isEnough(text: string): boolean {
  const words = text.replace(operators, " ");
  return chat.test(text) || wordLike.test(words) || (words.match(letters)?.length ?? 0) >= 2;
}
