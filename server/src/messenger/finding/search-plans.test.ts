import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type HitSearch,
  hitParameters,
  type Plan,
  selectCandidates,
  selectHits,
  selectWalk,
} from "#messenger/store-finding-messages.ts";
import type { Statement } from "#platform/database.ts";
import { createTestDatabase } from "#test/database.ts";
import { createGroup, newUsers, send, startMessenger } from "#test/messenger-fixture.ts";

const { url, database } = await createTestDatabase();

interface PlanNode {
  "Node Type": string;
  "Index Name"?: string;
  Plans?: PlanNode[];
}

/** The indexes that messages are read by, and "all" where they are read as a whole. */
async function indexesUsed({ text }: Statement, values: unknown[]): Promise<Set<string>> {
  return await database.withClient(async (client) => {
    await client.query("BEGIN");
    await client.query("SET LOCAL plan_cache_mode = force_custom_plan");
    const { rows } = await client.query(`EXPLAIN (FORMAT JSON) ${text}`, values);
    await client.query("ROLLBACK");
    const used = new Set<string>();
    const visit = (node: PlanNode): void => {
      if (node["Index Name"]) used.add(node["Index Name"]);
      if (node["Node Type"] === "Seq Scan") used.add("all");
      node.Plans?.forEach(visit);
    };
    visit(rows[0]["QUERY PLAN"][0].Plan);
    return used;
  });
}

const search = (chatIds: string[]): HitSearch => ({
  condition: "'common' | 'rare'",
  indexCondition: "'common' | 'rare'",
  chatIds,
  senderIds: [],
  before: { createdAtMs: Number.POSITIVE_INFINITY, chatId: "00000000-0000-0000-0000-000000000000", seq: 0 },
  notBeforeMs: Number.NEGATIVE_INFINITY,
  limit: 100,
  maxRead: 1_000,
});

const expected: Record<Plan, RegExp> = {
  selective: /^messages_words$/,
  crossed: /^messages_words$|^messages_pkey$|^messages_sent_once$/,
  "own-chats": /^messages_pkey$|^messages_sent_once$/,
  newest: /^messages_by_time$/,
};

async function checkPlans(chatIds: string[], when: string): Promise<void> {
  const parameters = hitParameters(search(chatIds));
  for (const plan of Object.keys(expected) as Plan[]) {
    for (const used of [
      await indexesUsed(selectHits[plan], parameters),
      await indexesUsed(selectCandidates[plan], [...parameters, ["'common'", "'rare':*"]]),
    ]) {
      assert.ok(used.size > 0, `${plan}, ${when}`);
      for (const index of used) assert.match(index, expected[plan], `${plan}, ${when}`);
    }
  }
  for (const index of await indexesUsed(selectWalk, parameters)) assert.match(index, expected.newest, when);
}

test("each plan reads by its index: in a new database, in a small one, and in one that was analysed", async () => {
  const messenger = await startMessenger(url);
  const users = newUsers(2);
  const chatIds: string[] = [];
  for (let chat = 0; chat < 3; chat++) chatIds.push((await createGroup(messenger, users)).id);
  await checkPlans(chatIds, "empty");
  for (const chatId of chatIds) await send(messenger, { userId: users[0]!, chatId, text: "common words" });
  await checkPlans(chatIds, "small");
  await database.withClient(async (client) => {
    await client.query("ANALYZE");
    await checkPlans(chatIds, "small and analysed");
    await client.query(
      `INSERT INTO messenger.messages (chat_id, seq, no, sender_id, client_id, text, created_at, words)
      SELECT chat, seq, seq, $2, 'client ' || seq, 'common words', now() - seq * interval '1 minute',
        CASE WHEN seq % 100 = 0 THEN '''common'':1 ''rare'':2' ELSE '''common'':1 ''words'':2' END::tsvector
      FROM unnest($1::uuid[]) chat, generate_series(1000, 6000) seq`,
      [chatIds, users[0]],
    );
    await checkPlans(chatIds, "grown since it was analysed");
    await client.query("ANALYZE");
  });
  await checkPlans(chatIds, "analysed");
  await checkPlans([...chatIds, ...newUsers(2_000)], "of many chats");
});
