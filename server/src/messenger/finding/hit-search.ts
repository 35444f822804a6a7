/** What the database is asked for a query's terms and filters, and by which plan. */

import type { AskedQuery } from "#messenger/finding/asked-query.ts";
import { type ChosenPlan, choosePlan } from "#messenger/finding/choose-plan.ts";
import { type SoughtTerm, slotOf } from "#messenger/finding/likeness.ts";
import type { Scope } from "#messenger/finding/scope.ts";
import { allOf, anyOf, termCondition } from "#messenger/finding/to-tsquery.ts";
import { type Share, shareOf, type WordFrequencies } from "#messenger/finding/word-frequencies.ts";
import type { HitPlace, HitSearch } from "#messenger/store-finding-messages.ts";
import { attachmentLexeme, senderLexeme } from "#messenger/text-index/index-entry.ts";
import { nilUuid } from "#platform/uuid.ts";

interface Condition {
  text: string;
  /** Of the messages that satisfy it; undefined: most. */
  share: Share | undefined;
}

/** What all hits satisfy. */
export const conditionOf = (asked: AskedQuery, terms: readonly SoughtTerm[]): string | undefined =>
  allOf(conditionsOf(asked, terms).map(({ text }) => text));

function conditionsOf(
  asked: AskedQuery,
  terms: readonly SoughtTerm[],
  frequencies?: WordFrequencies,
): Condition[] {
  const shareOfLexemes = (lexemes: readonly string[]) =>
    frequencies && shareOf([[slotOf(...lexemes)]], frequencies);
  const conditions: Condition[] = terms
    .filter((term) => !term.optional)
    .map((term) => ({
      text: termCondition(term),
      share: term.excluded || !frequencies ? undefined : shareOf(term.ways, frequencies),
    }));
  if (asked.senderIds.length > 0) {
    const senders = asked.senderIds.map(senderLexeme);
    conditions.push({ text: anyOf(senders), share: shareOfLexemes(senders) });
  }
  if (asked.hasAttachment) {
    conditions.push({ text: anyOf([attachmentLexeme]), share: shareOfLexemes([attachmentLexeme]) });
  }
  return conditions;
}

export interface PlannedSearch {
  chosen: ChosenPlan;
  hits: Omit<HitSearch, "limit" | "maxRead" | "before">;
}

export function planSearch(
  search: { asked: AskedQuery; scope: Scope; frequencies: WordFrequencies; limit: number },
  terms: readonly SoughtTerm[],
): PlannedSearch {
  const { asked, scope, frequencies, limit } = search;
  const conditions = conditionsOf(asked, terms, frequencies);
  // What only leaves messages out is nothing that an index could be asked for.
  const positive = conditions.flatMap(({ text, share }) => (share ? [{ text, share }] : []));
  const chosen = choosePlan({
    messageCount: frequencies.messageCount,
    scopeSize: scope.size,
    shares: positive.map(({ share }) => share),
    limit,
  });
  return {
    chosen,
    hits: {
      condition: allOf(conditions.map(({ text }) => text)),
      indexCondition: allOf(chosen.indexed.map((index) => positive[index]!.text)),
      chatIds: scope.chatIds,
      senderIds: asked.senderIds,
      notBeforeMs: oldestMs(asked),
    },
  };
}

/** After everything that was sent before. */
const placeBefore = (ms: number): HitPlace => ({ createdAtMs: ms, chatId: nilUuid, seq: 0 });

export const newestPlace = ({ beforeMs = Number.POSITIVE_INFINITY }: AskedQuery): HitPlace =>
  placeBefore(beforeMs);

export const oldestMs = ({ notBeforeMs = Number.NEGATIVE_INFINITY }: AskedQuery): number => notBeforeMs;
