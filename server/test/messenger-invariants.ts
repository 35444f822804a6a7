/**
 * What must be true of every chat at any moment, as queries over the whole schema: tests run them after everything.
 * They can be run on live data as well.
 */
import type { Queryable, Statement } from "#platform/database.ts";
import { findIndexViolations } from "#test/text-index-invariants.ts";

const rules: Record<string, string> = {
  "seq is 1, 2, 3… over messages and events": `
    SELECT c.chat_id FROM messenger.chats c LEFT JOIN (
      SELECT chat_id, count(*) AS count, count(DISTINCT seq) AS distinct_count, min(seq) AS min, max(seq) AS max
      FROM (SELECT chat_id, seq FROM messenger.messages UNION ALL SELECT chat_id, seq FROM messenger.events) log
      GROUP BY chat_id
    ) log USING (chat_id)
    WHERE (COALESCE(count, 0), COALESCE(distinct_count, 0), COALESCE(max, 0), COALESCE(min, 1))
      <> (c.last_seq, c.last_seq, c.last_seq, 1)`,
  "no is 1, 2, 3… over messages, in the order of seq": `
    SELECT chat_id FROM (
      SELECT chat_id, no, row_number() OVER (PARTITION BY chat_id ORDER BY seq) AS place FROM messenger.messages
    ) m WHERE no <> place
    UNION
    SELECT c.chat_id FROM messenger.chats c
    WHERE c.last_no <> (SELECT count(*) FROM messenger.messages m WHERE m.chat_id = c.chat_id)`,
  "nothing belongs to a chat that is not there": `
    SELECT chat_id FROM messenger.messages UNION SELECT chat_id FROM messenger.events
    UNION SELECT chat_id FROM messenger.members EXCEPT SELECT chat_id FROM messenger.chats`,
  "memberCount counts the members": `
    SELECT c.chat_id FROM messenger.chats c
    WHERE c.member_count <> (SELECT count(*) FROM messenger.members m WHERE m.chat_id = c.chat_id)`,
  "a direct chat has two members, and any other with members one owner": `
    SELECT c.chat_id FROM messenger.chats c JOIN messenger.members m USING (chat_id)
    GROUP BY c.chat_id, c.kind
    HAVING CASE WHEN c.kind = 'direct' THEN count(*) <> 2 ELSE count(*) FILTER (WHERE m.role = 'owner') <> 1 END`,
  "read positions lie within the chat": `
    SELECT m.chat_id FROM messenger.members m JOIN messenger.chats c USING (chat_id)
    WHERE m.read_no NOT BETWEEN 0 AND c.last_no`,
  "reactionCount counts the reactions": `
    SELECT m.chat_id FROM messenger.messages m
    WHERE m.reaction_count <>
      (SELECT count(*) FROM messenger.reactions r WHERE r.chat_id = m.chat_id AND r.message_seq = m.seq)`,
  "a deleted message has neither text, attachments nor reactions, nor anything made of it": `
    SELECT chat_id FROM messenger.messages
    WHERE deleted_at IS NOT NULL
      AND (text <> '' OR attachments IS NOT NULL OR reaction_count <> 0 OR processed IS NOT NULL)`,
  "a message that stands has a text or attachments, and none of them is another's or about to be released": `
    SELECT chat_id FROM messenger.messages
    WHERE deleted_at IS NULL AND (CASE WHEN attachments IS NULL THEN text = '' ELSE jsonb_array_length(attachments) = 0 END)
    UNION ALL
    SELECT min(chat_id::text)::uuid FROM (
      SELECT m.chat_id, item ->> 'id' AS id FROM messenger.messages m, jsonb_array_elements(m.attachments) item
      UNION ALL
      SELECT a.chat_id, unnest(a.attachment_ids)::text FROM messenger.attaching a
    ) held GROUP BY id HAVING count(*) > 1`,
  "attachments are told as prepared once": `
    SELECT chat_id FROM messenger.events WHERE kind = 'attachments'
    GROUP BY chat_id, message_seq HAVING count(*) > 1`,
  "what awaits its processing is there, and nothing was made of its present text yet": `
    SELECT p.chat_id FROM messenger.processing p
    LEFT JOIN messenger.messages m ON m.chat_id = p.chat_id AND m.seq = p.message_seq
    WHERE m.seq IS NULL OR m.deleted_at IS NOT NULL OR m.processed IS NOT NULL OR p.seq < p.message_seq`,
  "a text is told as processed once": `
    SELECT e.chat_id FROM messenger.events e
    LEFT JOIN LATERAL (
      SELECT max(seq) AS seq FROM messenger.events former
      WHERE former.chat_id = e.chat_id AND former.message_seq = e.message_seq AND former.seq < e.seq
        AND former.kind IN ('edit', 'processed', 'delete')
    ) former ON true
    JOIN messenger.events last ON last.chat_id = e.chat_id AND last.seq = former.seq
    WHERE e.kind = 'processed' AND last.kind <> 'edit'`,
  "a reply answers an earlier message of the chat": `
    SELECT m.chat_id FROM messenger.messages m
    LEFT JOIN messenger.messages replied ON replied.chat_id = m.chat_id AND replied.seq = m.reply_to_seq
    WHERE m.reply_to_seq IS NOT NULL AND (replied.seq IS NULL OR replied.seq >= m.seq)`,
};

const maxReported = 100;

const statements: Array<{ rule: string; statement: Statement }> = Object.entries(rules).map(
  ([rule, text], index) => ({
    rule,
    statement: { name: `messenger.invariant-${index}`, text: `${text} LIMIT ${maxReported}` },
  }),
);

export interface Violation {
  rule: string;
  chatId: string;
}

/** Up to 100 of each rule. */
export async function findViolations(database: Queryable): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (const { rule, statement } of statements) {
    for (const [chatId] of await database.queryArrays<[string]>(statement)) violations.push({ rule, chatId });
  }
  return [...violations, ...(await findIndexViolations(database)).slice(0, maxReported)];
}
