-- Stores a batch of messages of any number of chats. One call is one round trip and one commit.
--
-- Its statements run one after another, and each sees what was committed before it began. So once the chats rows are
-- locked, nothing that is read of these chats afterwards can change before the commit: members, earlier sends and the
-- numbers are right without a retry, however many servers write to a chat. Every other change of a chat takes the
-- same lock first.
--
-- chats: distinct and sorted, which is also the order of locking, so that two batches cannot wait for each other.
-- places: of each item, the place of its chat in chats. No two items have the same chat, sender and client id.
--
-- The plans are fixed: without that, a batch of few rows is planned anew each time, which takes longer than running
-- it, and a plan made while a table is small would read the whole of it when it no longer is.
CREATE FUNCTION messenger.send_messages(
  chats uuid[], places int[], senders uuid[], client_ids text[], texts text[], replies int[],
  -- Milliseconds since 1970; of the whole batch.
  OUT at_ms float8,
  -- Of each chat: seq and ordinal number of its last event and message before this batch.
  OUT base_seqs int[], OUT base_nos int[],
  -- Of each item: its place among the chat's new messages, from 1; null when it was not stored.
  OUT nths int[],
  -- Of each item: empty, or why it was not stored. Null when all were.
  OUT refusals text[]
)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  chat record;
  now_at timestamptz;
  channels boolean[] := array_fill(false, ARRAY[cardinality(chats)]);
  sizes int[] := array_fill(0, ARRAY[cardinality(chats)]);
BEGIN
  base_seqs := sizes;
  base_nos := sizes;
  nths := array_fill(NULL::int, ARRAY[cardinality(places)]);

  FOR chat IN
    SELECT given.place, c.kind, c.last_seq, c.last_no
    FROM unnest(chats) WITH ORDINALITY AS given (chat_id, place)
    JOIN messenger.chats c ON c.chat_id = given.chat_id
    ORDER BY given.place
    FOR NO KEY UPDATE OF c
  LOOP
    channels[chat.place] := chat.kind = 'channel';
    base_seqs[chat.place] := chat.last_seq;
    base_nos[chat.place] := chat.last_no;
  END LOOP;

  -- Read under the lock, so that times never run against the order of seq.
  now_at := date_trunc('milliseconds', clock_timestamp());
  at_ms := date_part('epoch', now_at) * 1000;

  -- Scalar subqueries, which are index look-ups row by row whatever the planner believes of the tables' sizes;
  -- EXISTS could become a hash of the whole table.
  refusals := ARRAY(
    SELECT CASE
      WHEN item.role IS NULL THEN 'chat-not-found'
      WHEN (
        SELECT 1 FROM messenger.messages earlier
        WHERE earlier.chat_id = chats[item.place] AND earlier.sender_id = item.sender
          AND earlier.client_id = item.client_id
      ) IS NOT NULL THEN 'repeated'
      WHEN channels[item.place] AND item.role = 'member' THEN 'forbidden'
      WHEN item.reply IS NOT NULL AND (
        SELECT 1 FROM messenger.messages replied
        WHERE replied.chat_id = chats[item.place] AND replied.seq = item.reply
      ) IS NULL THEN 'message-not-found'
      ELSE ''
    END
    FROM (
      SELECT given.*, (
        SELECT m.role FROM messenger.members m
        WHERE m.chat_id = chats[given.place] AND m.user_id = given.sender
      ) AS role
      FROM unnest(places, senders, client_ids, replies)
        WITH ORDINALITY AS given (place, sender, client_id, reply, ordinal)
      OFFSET 0
    ) item
    ORDER BY item.ordinal
  );

  FOR k IN 1 .. cardinality(places) LOOP
    IF refusals[k] = '' THEN
      sizes[places[k]] := sizes[places[k]] + 1;
      nths[k] := sizes[places[k]];
    END IF;
  END LOOP;

  INSERT INTO messenger.messages (chat_id, seq, no, sender_id, client_id, text, reply_to_seq, created_at)
  SELECT chats[item.place], base_seqs[item.place] + item.nth, base_nos[item.place] + item.nth,
    item.sender, item.client_id, item.text, item.reply, now_at
  FROM unnest(places, nths, senders, client_ids, texts, replies)
    AS item (place, nth, sender, client_id, text, reply)
  WHERE item.nth IS NOT NULL;

  UPDATE messenger.chats c
  SET last_seq = last_seq + grown.size, last_no = last_no + grown.size, last_activity_at = now_at
  FROM unnest(chats, sizes) AS grown (chat_id, size)
  WHERE c.chat_id = grown.chat_id AND grown.size > 0;

  IF array_position(nths, NULL) IS NULL THEN
    refusals := NULL;
  END IF;
END $$;
