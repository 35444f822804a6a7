-- The text index: messages by their words.
--
-- Words are kept as they were written, folded (text-index/fold-word.ts), not as stems. What else a word that is asked
-- for may stand for (its other forms in the languages of the chats, words that are spelt nearly the same, words that
-- it is a part of) is looked up in the vocabulary when it is asked for: so a language or a rule can change without
-- indexing anything anew, and a message costs the index no more than its words.

ALTER TABLE messenger.messages
  -- As text-index/index-entry.ts makes it of the text as it is now. Null: not yet.
  ADD COLUMN words tsvector;

-- New entries gather in a list that is merged in the background (text-index/keep-merged.ts), well before it is so
-- long that a send would have to merge it.
CREATE INDEX messages_words ON messenger.messages USING gin (words) WITH (fastupdate = on, gin_pending_list_limit = 65536);

-- Whoever changes a text leaves the message without words, until they say its new ones in the same transaction: a server
-- of before, which knows of none, does not leave the former ones. A deleted message has none for good.
CREATE FUNCTION messenger.forget_words() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  NEW.words := CASE WHEN NEW.deleted_at IS NOT NULL THEN ''::tsvector END;
  RETURN NEW;
END $$;

CREATE TRIGGER forget_words BEFORE UPDATE OF text ON messenger.messages
FOR EACH ROW EXECUTE FUNCTION messenger.forget_words();

-- For words so frequent that looking at the newest messages first finds enough of them at once.
CREATE INDEX messages_by_time ON messenger.messages (created_at, chat_id, seq);

-- Those of times without the index, until they are indexed in the background.
CREATE INDEX messages_not_indexed ON messenger.messages (chat_id, seq) WHERE words IS NULL;

-- All runs of two and three characters, and of one where a character may be a word (from U+2E80 on: Chinese,
-- Japanese and Korean).
CREATE FUNCTION messenger.word_grams(word text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
  SELECT array_agg(DISTINCT substr(word, start, size))
  FROM generate_series(1, char_length(word)) start, generate_series(1, 3) size
  WHERE start + size - 1 <= char_length(word) AND (size > 1 OR ascii(substr(word, start, 1)) >= 11904)
$$;

-- The vocabulary: every word that was ever written, but for those with digits.
CREATE TABLE messenger.words (word text COLLATE "C" PRIMARY KEY);
CREATE INDEX words_grams ON messenger.words USING gin (messenger.word_grams(word));

ALTER TABLE messenger.chats
  -- As people have said; ISO 639-1. Empty: found out.
  ADD COLUMN language text NOT NULL DEFAULT '',
  -- Found out from the messages; empty: not yet, or none that is known.
  ADD COLUMN detected_language text NOT NULL DEFAULT '',
  -- The last message's number when it was.
  ADD COLUMN detected_at_no int NOT NULL DEFAULT 0;

-- As in 0002 and 0003, where it is explained; and what is new, at (1) and (2). Servers of before call it without the
-- last two arguments; what they store is indexed in the background.
DROP FUNCTION messenger.send_messages(uuid[], int[], uuid[], text[], text[], int[]);

CREATE FUNCTION messenger.send_messages(
  chats uuid[], places int[], senders uuid[], client_ids text[], texts text[], replies int[],
  -- (1) Of each item: its index entry; null while the index is switched off. And words that may be new, distinct and
  -- sorted, which keeps two batches from waiting for each other.
  entries text[] DEFAULT NULL, new_words text[] DEFAULT NULL,
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

  -- (2) In the same commit as the messages: whoever finds a word's message finds what is like the word.
  IF cardinality(new_words) > 0 THEN
    INSERT INTO messenger.words (word) SELECT unnest(new_words) ON CONFLICT DO NOTHING;
  END IF;

  INSERT INTO messenger.messages (chat_id, seq, no, sender_id, client_id, text, reply_to_seq, created_at, words)
  SELECT chats[item.place], base_seqs[item.place] + item.nth, base_nos[item.place] + item.nth,
    item.sender, item.client_id, item.text, item.reply, now_at, item.entry::tsvector
  FROM unnest(places, nths, senders, client_ids, texts, replies, entries)
    AS item (place, nth, sender, client_id, text, reply, entry)
  WHERE item.nth IS NOT NULL;

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
