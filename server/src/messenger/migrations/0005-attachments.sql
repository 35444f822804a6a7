-- Messages with attachments: files that are blobs elsewhere, which messages refer to.

ALTER TABLE messenger.messages
  -- Null: none. Else a list of what attachments/attachment-row.ts describes, at least one; null again once deleted.
  ADD COLUMN attachments jsonb;

-- Attachments that blobs is asked to hold, for a message that is yet to be stored: written before it is asked, and
-- gone with the transaction that stores the message. Whoever removes the row decides: the message has them, or they are
-- released (attachments/abandoned.ts). So none is held for ever for a message that there never was, and no message has one
-- that was released, however long somebody stood still in between.
CREATE TABLE messenger.attaching (
  chat_id uuid NOT NULL,
  -- The first of the message's.
  attachment_id uuid NOT NULL,
  attachment_ids uuid[] NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (chat_id, attachment_id)
);

CREATE INDEX attaching_by_time ON messenger.attaching (created_at);

-- Not validated: every row there is satisfies the narrower rule that this one replaces.
ALTER TABLE messenger.events DROP CONSTRAINT events_kind_check;
ALTER TABLE messenger.events ADD CONSTRAINT events_kind_check
  CHECK (kind IN ('edit', 'delete', 'reaction', 'membership', 'chat', 'processed', 'attachments')) NOT VALID;

-- As in 0002 to 0004, where it is explained; and what is new, at (1) to (4). Servers of before call it without the last
-- argument.
DROP FUNCTION messenger.send_messages(uuid[], int[], uuid[], text[], text[], int[], text[], text[]);

CREATE FUNCTION messenger.send_messages(
  chats uuid[], places int[], senders uuid[], client_ids text[], texts text[], replies int[],
  -- Of each item: its index entry; null while the index is switched off. And words that may be new, distinct and
  -- sorted, which keeps two batches from waiting for each other.
  entries text[] DEFAULT NULL, new_words text[] DEFAULT NULL,
  -- (1) Of each item: its attachments, or null. Null as a whole when none has any.
  attachments jsonb[] DEFAULT NULL,
  -- Milliseconds since 1970; of the whole batch.
  OUT at_ms float8,
  -- Of each chat: seq and ordinal number of its last event and message before this batch.
  OUT base_seqs int[], OUT base_nos int[],
  -- Of each item: its place among the chat's new messages, from 1; null when it was not stored.
  OUT nths int[],
  -- Of each item: empty, or why it was not stored. Null when all were.
  OUT refusals text[],
  -- Whether there is something to process now.
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
  held uuid[];
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
    -- A record instead of these variables would make each call prepare the expression anew, which takes 50 µs.
    IF has_processor THEN
      is_processed := true;
    END IF;
  END LOOP;

  -- Read under the lock, so that times never run against the order of seq.
  now_at := date_trunc('milliseconds', clock_timestamp());
  at_ms := date_part('epoch', now_at) * 1000;

  -- (2) Those that nobody has taken to be released, and nobody can any more until we are done.
  IF attachments IS NOT NULL THEN
    held := ARRAY(
      SELECT a.attachment_id
      FROM unnest(places, attachments) AS given (place, list)
      JOIN messenger.attaching a
        ON a.chat_id = chats[given.place] AND a.attachment_id = (given.list -> 0 ->> 'id')::uuid
      ORDER BY a.chat_id, a.attachment_id
      FOR UPDATE OF a
    );
  END IF;

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
      WHEN item.list IS NOT NULL AND (item.list -> 0 ->> 'id')::uuid <> ALL (held) THEN 'timeout'
      ELSE ''
    END
    FROM (
      SELECT given.*, (
        SELECT m.role FROM messenger.members m
        WHERE m.chat_id = chats[given.place] AND m.user_id = given.sender
      ) AS role
      FROM unnest(places, senders, client_ids, replies, attachments)
        WITH ORDINALITY AS given (place, sender, client_id, reply, list, ordinal)
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

  -- In the same commit as the messages: whoever finds a word's message finds what is like the word.
  IF cardinality(new_words) > 0 THEN
    INSERT INTO messenger.words (word) SELECT unnest(new_words) ON CONFLICT DO NOTHING;
  END IF;

  INSERT INTO messenger.messages
    (chat_id, seq, no, sender_id, client_id, text, reply_to_seq, created_at, words, attachments)
  SELECT chats[item.place], base_seqs[item.place] + item.nth, base_nos[item.place] + item.nth,
    item.sender, item.client_id, item.text, item.reply, now_at, item.entry::tsvector, item.list
  FROM unnest(places, nths, senders, client_ids, texts, replies, entries, attachments)
    AS item (place, nth, sender, client_id, text, reply, entry, list)
  WHERE item.nth IS NOT NULL;

  -- (3) The messages have them now.
  IF attachments IS NOT NULL THEN
    DELETE FROM messenger.attaching a
    USING unnest(places, nths, attachments) AS given (place, nth, list)
    WHERE given.nth IS NOT NULL AND a.chat_id = chats[given.place]
      AND a.attachment_id = (given.list -> 0 ->> 'id')::uuid;
  END IF;

  IF is_processed THEN
    INSERT INTO messenger.processing
      (chat_id, message_seq, seq, processor, user_id, may_use_paid, created_at, due_at)
    SELECT c.chat_id, base_seqs[item.place] + item.nth, base_seqs[item.place] + item.nth,
      c.processor, c.processor_set_by, c.processor_may_pay, now_at, now_at
    -- (4) Attachments without a text give a processor nothing to do.
    FROM unnest(places, nths, texts) AS item (place, nth, text)
    JOIN messenger.chats c ON c.chat_id = chats[item.place]
    WHERE item.nth IS NOT NULL AND c.processor <> '' AND item.text <> '';
  END IF;

  UPDATE messenger.chats c
  SET last_seq = last_seq + grown.size, last_no = last_no + grown.size, last_activity_at = now_at
  FROM unnest(chats, sizes) AS grown (chat_id, size)
  WHERE c.chat_id = grown.chat_id AND grown.size > 0;

  IF array_position(nths, NULL) IS NULL THEN
    refusals := NULL;
  END IF;
END $$;
