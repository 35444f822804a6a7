-- A chat's processor: what each of its messages is sent through (dispatch), in the background.
ALTER TABLE messenger.chats
  -- Empty: none.
  ADD COLUMN processor text NOT NULL DEFAULT '',
  -- Who chose it, and is charged for what it costs; and whether they might use what costs when they chose it.
  ADD COLUMN processor_set_by uuid,
  ADD COLUMN processor_may_pay bool NOT NULL DEFAULT false;

-- What was made of the text as it is now: {"processor", "result", "provider", "atMs"}. Not a jsonb: a result may hold
-- characters that jsonb refuses.
ALTER TABLE messenger.messages ADD COLUMN processed json;

-- One row for each message whose present text awaits its processing. Written with the text in one transaction, under
-- the lock on the chats row; replaced by an edit, gone with a deletion. Who claimed a row of another seq than it has
-- now holds the result of a text that is no more.
CREATE TABLE messenger.processing (
  chat_id uuid NOT NULL,
  message_seq int NOT NULL,
  -- Of the message event, or of the latest edit.
  seq int NOT NULL,
  -- As the chat had it then, whatever became of the chat's since.
  processor text NOT NULL,
  user_id uuid NOT NULL,
  may_use_paid bool NOT NULL,
  created_at timestamptz NOT NULL,
  -- When somebody may take it; the future while somebody works on it.
  due_at timestamptz NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  PRIMARY KEY (chat_id, message_seq)
) WITH (fillfactor = 70);

CREATE INDEX processing_due ON messenger.processing (due_at);

-- Not validated: every row there is satisfies the narrower rule that this one replaces.
ALTER TABLE messenger.events DROP CONSTRAINT events_kind_check;
ALTER TABLE messenger.events ADD CONSTRAINT events_kind_check
  CHECK (kind IN ('edit', 'delete', 'reaction', 'membership', 'chat', 'processed')) NOT VALID;

-- As in 0002, where it is explained; and what is new, at (1) to (3). It is dropped and made anew because its answer has
-- one column more; servers of before name the columns that they read.
DROP FUNCTION messenger.send_messages(uuid[], int[], uuid[], text[], text[], int[]);

CREATE FUNCTION messenger.send_messages(
  chats uuid[], places int[], senders uuid[], client_ids text[], texts text[], replies int[],
  -- Milliseconds since 1970; of the whole batch.
  OUT at_ms float8,
  -- Of each chat: seq and ordinal number of its last event and message before this batch.
  OUT base_seqs int[], OUT base_nos int[],
  -- Of each item: its place among the chat's new messages, from 1; null when it was not stored.
  OUT nths int[],
  -- Of each item: empty, or why it was not stored. Null when all were.
  OUT refusals text[],
  -- (1) Whether there is something to process now.
  OUT is_processed bool
)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  chat_place int;
  chat_kind text;
  chat_seq int;
  chat_no int;
  has_processor bool;
  now_at timestamptz;
  channels boolean[] := array_fill(false, ARRAY[cardinality(chats)]);
  sizes int[] := array_fill(0, ARRAY[cardinality(chats)]);
BEGIN
  base_seqs := sizes;
  base_nos := sizes;
  nths := array_fill(NULL::int, ARRAY[cardinality(places)]);
  is_processed := false;

  FOR chat_place, chat_kind, chat_seq, chat_no, has_processor IN
    SELECT given.place, c.kind, c.last_seq, c.last_no, c.processor <> ''
    FROM unnest(chats) WITH ORDINALITY AS given (chat_id, place)
    JOIN messenger.chats c ON c.chat_id = given.chat_id
    ORDER BY given.place
    FOR NO KEY UPDATE OF c
  LOOP
    channels[chat_place] := chat_kind = 'channel';
    base_seqs[chat_place] := chat_seq;
    base_nos[chat_place] := chat_no;
    -- (2) Most batches have no chat with a processor: for them, this is all that processing costs. A record instead of
    -- these variables would make each call prepare the expression anew, which takes 50 µs.
    IF has_processor THEN
      is_processed := true;
    END IF;
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

  -- (3)
  IF is_processed THEN
    INSERT INTO messenger.processing
      (chat_id, message_seq, seq, processor, user_id, may_use_paid, created_at, due_at)
    SELECT c.chat_id, base_seqs[item.place] + item.nth, base_seqs[item.place] + item.nth,
      c.processor, c.processor_set_by, c.processor_may_pay, now_at, now_at
    FROM unnest(places, nths) AS item (place, nth)
    JOIN messenger.chats c ON c.chat_id = chats[item.place]
    WHERE item.nth IS NOT NULL AND c.processor <> '';
  END IF;

  UPDATE messenger.chats c
  SET last_seq = last_seq + grown.size, last_no = last_no + grown.size, last_activity_at = now_at
  FROM unnest(chats, sizes) AS grown (chat_id, size)
  WHERE c.chat_id = grown.chat_id AND grown.size > 0;

  IF array_position(nths, NULL) IS NULL THEN
    refusals := NULL;
  END IF;
END $$;
