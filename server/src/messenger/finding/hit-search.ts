/** What the database is asked for a query's terms and filters. */
import type { AskedQuery } from "#messenger/finding/asked-query.ts";
import type { SoughtTerm } from "#messenger/finding/likeness.ts";
import { allOf, anyOf, termCondition } from "#messenger/finding/to-tsquery.ts";
import type { HitPlace } from "#messenger/store-finding-messages.ts";
import { senderLexeme } from "#messenger/text-index/index-entry.ts";

/** Of messages with something attached. */
const attachmentLexeme = "#attachment";
const lowestId = "00000000-0000-0000-0000-000000000000";

/** Each of them has to be satisfied. */
export function conditionsOf(asked: AskedQuery, terms: readonly SoughtTerm[]): string[] {
  return [
    ...terms.filter((term) => !term.optional).map(termCondition),
    ...(asked.senderIds.length > 0 ? [anyOf(asked.senderIds.map(senderLexeme))] : []),
    ...(asked.hasAttachment ? [anyOf([attachmentLexeme])] : []),
  ];
}

export const conditionOf = (asked: AskedQuery, terms: readonly SoughtTerm[]): string | undefined =>
  allOf(conditionsOf(asked, terms));

/** After everything that was sent before. */
export const placeBefore = (ms: number): HitPlace => ({ createdAtMs: ms, chatId: lowestId, seq: 0 });

export const newestPlace = ({ beforeMs = Number.POSITIVE_INFINITY }: AskedQuery): HitPlace =>
  placeBefore(beforeMs);

export const oldestMs = ({ notBeforeMs = Number.NEGATIVE_INFINITY }: AskedQuery): number => notBeforeMs;
