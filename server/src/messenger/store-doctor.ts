/** What must be true of every chat at any moment, as queries: each answers those of the given chats of which it is not. */
import type { Database, Queryable, Statement } from "#platform/database.ts";
import { nilUuid } from "#platform/uuid.ts";

export type ChatRule = keyof typeof brokenChats;

const brokenChats = {
  "seq is 1, 2, 3… over messages and events": `
    SELECT c.chat_id FROM messenger.chats c LEFT JOIN (
      SELECT chat_id, count(*) AS count, count(DISTINCT seq) AS distinct_count, min(seq) AS min, max(seq) AS max
      FROM (
        SELECT chat_id, seq FROM messenger.messages WHERE chat_id = ANY ($1::uuid[])
        UNION ALL SELECT chat_id, seq FROM messenger.events WHERE chat_id = ANY ($1::uuid[])
      ) log
      GROUP BY chat_id
    ) log USING (chat_id)
    WHERE c.chat_id = ANY ($1::uuid[])
      AND (COALESCE(count, 0), COALESCE(distinct_count, 0), COALESCE(max, 0), COALESCE(min, 1))
        <> (c.last_seq, c.last_seq, c.last_seq, 1)`,
  "no is 1, 2, 3… over messages, in the order of seq": `
    SELECT chat_id FROM (
      SELECT chat_id, no, row_number() OVER (PARTITION BY chat_id ORDER BY seq) AS place
      FROM messenger.messages WHERE chat_id = ANY ($1::uuid[])
    ) m WHERE no <> place
    UNION
    SELECT c.chat_id FROM messenger.chats c
    WHERE c.chat_id = ANY ($1::uuid[])
      AND c.last_no <> (SELECT count(*) FROM messenger.messages m WHERE m.chat_id = c.chat_id)`,
  "memberCount counts the members": `
    SELECT c.chat_id FROM messenger.chats c
    WHERE c.chat_id = ANY ($1::uuid[])
      AND c.member_count <> (SELECT count(*) FROM messenger.members m WHERE m.chat_id = c.chat_id)`,
  "a direct chat has two members, and any other with members one owner": `
    SELECT c.chat_id FROM messenger.chats c JOIN messenger.members m USING (chat_id)
    WHERE c.chat_id = ANY ($1::uuid[])
    GROUP BY c.chat_id, c.kind
    HAVING CASE WHEN c.kind = 'direct' THEN count(*) <> 2 ELSE count(*) FILTER (WHERE m.role = 'owner') <> 1 END`,
  "read positions lie within the chat": `
    SELECT m.chat_id FROM messenger.members m JOIN messenger.chats c USING (chat_id)
    WHERE c.chat_id = ANY ($1::uuid[]) AND m.read_no NOT BETWEEN 0 AND c.last_no`,
  "reactionCount counts the reactions": `
    SELECT m.chat_id FROM messenger.messages m
    WHERE m.chat_id = ANY ($1::uuid[]) AND m.reaction_count <>
      (SELECT count(*) FROM messenger.reactions r WHERE r.chat_id = m.chat_id AND r.message_seq = m.seq)`,
  "a deleted message has neither text, attachments nor reactions, nor anything made of it": `
    SELECT chat_id FROM messenger.messages
    WHERE chat_id = ANY ($1::uuid[]) AND deleted_at IS NOT NULL
      AND (text <> '' OR attachments IS NOT NULL OR reaction_count <> 0 OR processed IS NOT NULL)`,
  "a message that stands has a text or attachments, which nobody else has and nobody is about to release": `
    SELECT chat_id FROM messenger.messages
    WHERE chat_id = ANY ($1::uuid[]) AND deleted_at IS NULL
      AND (CASE WHEN attachments IS NULL THEN text = '' ELSE jsonb_array_length(attachments) = 0 END)
    UNION ALL
    SELECT chat_id FROM (
      SELECT m.chat_id, item ->> 'id' AS id
      FROM messenger.messages m, jsonb_array_elements(m.attachments) item WHERE m.chat_id = ANY ($1::uuid[])
      UNION ALL
      SELECT a.chat_id, unnest(a.attachment_ids)::text FROM messenger.attaching a WHERE a.chat_id = ANY ($1::uuid[])
    ) held GROUP BY chat_id, id HAVING count(*) > 1`,
  "attachments are told as prepared once": `
    SELECT chat_id FROM messenger.events
    WHERE chat_id = ANY ($1::uuid[]) AND kind = 'attachments'
    GROUP BY chat_id, message_seq HAVING count(*) > 1`,
  "what awaits its processing is there, and nothing was made of its present text yet": `
    SELECT p.chat_id FROM messenger.processing p
    LEFT JOIN messenger.messages m ON m.chat_id = p.chat_id AND m.seq = p.message_seq
    WHERE p.chat_id = ANY ($1::uuid[])
      AND (m.seq IS NULL OR m.deleted_at IS NOT NULL OR m.processed IS NOT NULL OR p.seq < p.message_seq)`,
  "a text is told as processed once": `
    SELECT e.chat_id FROM messenger.events e
    LEFT JOIN LATERAL (
      SELECT max(seq) AS seq FROM messenger.events former
      WHERE former.chat_id = e.chat_id AND former.message_seq = e.message_seq AND former.seq < e.seq
        AND former.kind IN ('edit', 'processed', 'delete')
    ) former ON true
    JOIN messenger.events last ON last.chat_id = e.chat_id AND last.seq = former.seq
    WHERE e.chat_id = ANY ($1::uuid[]) AND e.kind = 'processed' AND last.kind <> 'edit'`,
  "a reply answers an earlier message of the chat": `
    SELECT m.chat_id FROM messenger.messages m
    LEFT JOIN messenger.messages replied ON replied.chat_id = m.chat_id AND replied.seq = m.reply_to_seq
    WHERE m.chat_id = ANY ($1::uuid[]) AND m.reply_to_seq IS NOT NULL
      AND (replied.seq IS NULL OR replied.seq >= m.seq)`,
} as const;

export const chatRules = Object.keys(brokenChats) as ChatRule[];

const chatStatements = new Map(
  chatRules.map((rule, index): [ChatRule, Statement] => [
    rule,
    { name: `messenger.doctor-${index}`, text: `SELECT DISTINCT chat_id FROM (${brokenChats[rule]}) broken` },
  ]),
);

export async function findBrokenChats(db: Queryable, rule: ChatRule, chatIds: string[]): Promise<string[]> {
  const rows = await db.queryArrays<[string]>(chatStatements.get(rule)!, [chatIds]);
  return rows.map(([chatId]) => chatId);
}

const selectChats: Statement = {
  name: "messenger.doctor-chats",
  text: "SELECT chat_id FROM messenger.chats WHERE chat_id > $1 ORDER BY chat_id LIMIT $2",
};

/** In the order of their ids, after the given one. */
export async function listChatIds(db: Queryable, after: string, limit: number): Promise<string[]> {
  const rows = await db.queryArrays<[string]>(selectChats, [after, limit]);
  return rows.map(([chatId]) => chatId);
}

// Chat by chat, each found by one look into the index, however many rows the one before has.
const chatIdsIn = (table: string): Statement => ({
  name: `messenger.doctor-chats-of-${table}`,
  text: `WITH RECURSIVE found (chat_id, nth) AS (
      (SELECT chat_id, 1 FROM messenger.${table} WHERE chat_id > $1 ORDER BY chat_id LIMIT 1)
      UNION ALL
      SELECT (SELECT t.chat_id FROM messenger.${table} t WHERE t.chat_id > found.chat_id ORDER BY t.chat_id LIMIT 1), nth + 1
      FROM found WHERE found.chat_id IS NOT NULL AND nth < $2
    )
    SELECT f.chat_id, c.chat_id IS NOT NULL FROM found f LEFT JOIN messenger.chats c USING (chat_id)
    WHERE f.chat_id IS NOT NULL ORDER BY f.chat_id`,
});

const tablesOfChats = ["messages", "events", "members"].map(chatIdsIn);

/** Chats that rows of each table belong to, in pages, and whether there is such a chat. */
export async function* chatsReferredTo(db: Queryable, limit: number): AsyncGenerator<[string, boolean][]> {
  for (const statement of tablesOfChats) {
    let after = nilUuid;
    for (;;) {
      const page = await db.queryArrays<[string, boolean]>(statement, [after, limit]);
      if (page.length === 0) break;
      yield page;
      after = page.at(-1)![0];
    }
  }
}

const lockChats: Statement = {
  name: "messenger.doctor-lock-chats",
  text: "SELECT 1 FROM messenger.chats WHERE chat_id = ANY ($1::uuid[]) ORDER BY chat_id FOR UPDATE",
};

const countMembers: Statement = {
  name: "messenger.doctor-count-members",
  text: `UPDATE messenger.chats c SET member_count = counted.count
    FROM (
      SELECT chat_id, (SELECT count(*) FROM messenger.members m WHERE m.chat_id = given.chat_id) AS count
      FROM unnest($1::uuid[]) AS given (chat_id)
    ) counted
    WHERE c.chat_id = counted.chat_id AND c.member_count <> counted.count
    RETURNING c.chat_id`,
};

const countReactions: Statement = {
  name: "messenger.doctor-count-reactions",
  text: `UPDATE messenger.messages m SET reaction_count =
      (SELECT count(*) FROM messenger.reactions r WHERE r.chat_id = m.chat_id AND r.message_seq = m.seq)
    WHERE m.chat_id = ANY ($1::uuid[]) AND m.deleted_at IS NULL AND m.reaction_count <>
      (SELECT count(*) FROM messenger.reactions r WHERE r.chat_id = m.chat_id AND r.message_seq = m.seq)
    RETURNING m.seq`,
};

const clampRead: Statement = {
  name: "messenger.doctor-clamp-read",
  text: `UPDATE messenger.members m SET read_no = least(greatest(m.read_no, 0), c.last_no)
    FROM messenger.chats c
    WHERE c.chat_id = m.chat_id AND c.chat_id = ANY ($1::uuid[]) AND m.read_no NOT BETWEEN 0 AND c.last_no
    RETURNING m.user_id`,
};

const repairs = {
  "memberCount counts the members": countMembers,
  "reactionCount counts the reactions": countReactions,
  "read positions lie within the chat": clampRead,
} as const satisfies Partial<Record<ChatRule, Statement>>;

export type RepairableRule = keyof typeof repairs;

/** How many rows were not right. The chats are locked: nobody changes what is counted. */
export async function repairChats(db: Database, rule: RepairableRule, chatIds: string[]): Promise<number> {
  return db.transaction(async (tx) => {
    await tx.queryArrays(lockChats, [chatIds]);
    return (await tx.queryArrays(repairs[rule], [chatIds])).length;
  });
}

type IndexedRow = [
  chatId: string,
  seq: number,
  senderId: string,
  text: string,
  isDeleted: boolean,
  words: string | null,
  attachments: { name: string }[] | null,
];

const selectIndexed: Statement = {
  name: "messenger.doctor-indexed",
  text: `SELECT chat_id, seq, sender_id, text, deleted_at IS NOT NULL, words::text, attachments FROM messenger.messages
    WHERE (chat_id, seq) > ($1::uuid, $2::int) ORDER BY chat_id, seq LIMIT $3`,
};

export async function* indexedMessages(db: Queryable, limit: number): AsyncGenerator<IndexedRow[]> {
  let last: [string, number] = [nilUuid, 0];
  for (;;) {
    const rows = await db.queryArrays<IndexedRow>(selectIndexed, [...last, limit]);
    if (rows.length === 0) return;
    yield rows;
    last = [rows.at(-1)![0], rows.at(-1)![1]];
  }
}

const selectMissingWords: Statement = {
  name: "messenger.doctor-missing-words",
  text: "SELECT given FROM unnest($1::text[]) given WHERE given NOT IN (SELECT word FROM messenger.words WHERE word = ANY ($1::text[]))",
};

export async function findMissingWords(db: Queryable, words: string[]): Promise<string[]> {
  const rows = await db.queryArrays<[string]>(selectMissingWords, [words]);
  return rows.map(([word]) => word);
}
