-- For the old APIs. Constant defaults: neither table is rewritten.
ALTER TABLE messenger.chats
  -- Whether whoever knows its id may join it.
  ADD COLUMN open bool NOT NULL DEFAULT false;

ALTER TABLE messenger.members
  -- What they are called in this chat; empty: as everywhere.
  ADD COLUMN display_name text NOT NULL DEFAULT '';
