/** Messages that were found, as they are now, with what of them matches. */
import type { SearchHit } from "@parley/api/v2/search";
import type { AskedQuery } from "#messenger/finding/asked-query.ts";
import { startFairShare } from "#messenger/finding/fair-share.ts";
import { fragmentsOf } from "#messenger/finding/fragments.ts";
import { conditionOf, newestPlace, oldestMs } from "#messenger/finding/hit-search.ts";
import type { SoughtTerm } from "#messenger/finding/likeness.ts";
import { matchesIn } from "#messenger/finding/matches.ts";
import { messagesOf } from "#messenger/message-row.ts";
import { type HitPlace, readFound } from "#messenger/store-finding-messages.ts";
import type { Queryable } from "#platform/database.ts";

export interface FoundHit {
  hit: SearchHit;
  /** Of what was asked for, from 0. */
  place: number;
}

/** Those that the reader may read now and that match now, in the order given. */
export async function readHits(
  tx: Queryable,
  query: { readerId: string; asked: AskedQuery; terms: readonly SoughtTerm[] },
  places: ReadonlyArray<Pick<HitPlace, "chatId" | "seq">>,
): Promise<FoundHit[]> {
  const { readerId, asked, terms } = query;
  const found = await readFound(tx, readerId, places, {
    condition: conditionOf(asked, terms),
    senderIds: asked.senderIds,
    beforeMs: newestPlace(asked).createdAtMs,
    notBeforeMs: oldestMs(asked),
  });
  const hits: FoundHit[] = [];
  const share = startFairShare();
  for (const { chatId, row, place } of found) {
    if (share.isOver()) await share.letOthers();
    const message = messagesOf(chatId)(row);
    const fragments = fragmentsOf(message.text, matchesIn(message.text, terms));
    hits.push({ place, hit: { $typeName: "parley.v2.SearchHit", message, fragments, score: 0 } });
  }
  return hits;
}
