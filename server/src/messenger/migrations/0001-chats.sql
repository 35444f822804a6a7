-- Every table has chat_id first in its key, so that the schema can be distributed by it. There are no foreign keys:
-- every change of a chat is made under a lock on its chats row, and a check per inserted message would cost more than
-- the insert.

-- last_seq, last_no and last_activity_at change with every batch of messages. No index may cover them and pages keep
-- room, so that those updates stay within their page (HOT) and leave nothing for vacuum to find.
CREATE TABLE messenger.chats (
  chat_id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('direct', 'group', 'channel')),
  title text NOT NULL,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL,
  -- Seq of the latest event of any kind; ordinal number of the latest message.
  last_seq int NOT NULL DEFAULT 0,
  last_no int NOT NULL DEFAULT 0,
  member_count int NOT NULL,
  last_activity_at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE messenger.members (
  chat_id uuid NOT NULL,
  user_id uuid NOT NULL,
  role text NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
  -- Ordinal number of the last message read; only rises.
  read_no int NOT NULL,
  joined_at timestamptz NOT NULL,
  PRIMARY KEY (chat_id, user_id)
) WITH (fillfactor = 80);

-- With both columns: whichever of the two indexes a plan picks to find one member, it finds exactly that row.
CREATE INDEX members_of_user ON messenger.members (user_id, chat_id);

CREATE TABLE messenger.messages (
  chat_id uuid NOT NULL,
  seq int NOT NULL,
  no int NOT NULL,
  sender_id uuid NOT NULL,
  client_id text NOT NULL,
  -- Empty once deleted.
  text text NOT NULL,
  reply_to_seq int,
  created_at timestamptz NOT NULL,
  edited_at timestamptz,
  deleted_at timestamptz,
  -- Rows in reactions; spares history the look-up for the many messages without any.
  reaction_count int NOT NULL DEFAULT 0,
  PRIMARY KEY (chat_id, seq),
  -- Kept for ever: a send is in the chat once, however often and however much later it is repeated.
  CONSTRAINT messages_sent_once UNIQUE (chat_id, sender_id, client_id)
);

-- A chat's log is this table and messages together, by seq. An event about a message points to it and shows it as it
-- is now, so that a deleted text is never told again.
CREATE TABLE messenger.events (
  chat_id uuid NOT NULL,
  seq int NOT NULL,
  kind text NOT NULL CHECK (kind IN ('edit', 'delete', 'reaction', 'membership', 'chat')),
  actor_id uuid NOT NULL,
  at timestamptz NOT NULL,
  -- Of edit, delete and reaction.
  message_seq int,
  -- Of reaction.
  emoji text,
  -- Of reaction: "added" or "removed"; of membership: "added", "removed" or "role".
  change text,
  -- Of membership; the role is null when removed.
  user_id uuid,
  role text,
  PRIMARY KEY (chat_id, seq)
);

CREATE TABLE messenger.reactions (
  chat_id uuid NOT NULL,
  message_seq int NOT NULL,
  user_id uuid NOT NULL,
  emoji text NOT NULL,
  -- Of the event that added it; reactions are shown in this order.
  seq int NOT NULL,
  PRIMARY KEY (chat_id, message_seq, emoji, user_id)
);
