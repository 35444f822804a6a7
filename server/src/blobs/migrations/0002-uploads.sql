-- Uploads that take more than one call: resumable ones, whose bytes come in appends, and direct ones, whose bytes the client
-- brings to the object store itself.
CREATE TABLE blobs.uploads (
  id uuid PRIMARY KEY,
  owner_id uuid NOT NULL,
  is_direct bool NOT NULL,
  key bytea NOT NULL,
  content_type text NOT NULL,
  metadata jsonb,
  -- As the client wrote it.
  given_metadata text NOT NULL DEFAULT '',
  -- Null as long as the client has not said it.
  size bigint,
  -- How many bytes are there for good: the sum of piece_sizes. Of a resumable upload that is not done it is never its size.
  received bigint NOT NULL DEFAULT 0,
  -- Objects of the store, in order.
  pieces uuid[] NOT NULL DEFAULT '{}',
  piece_sizes bigint[] NOT NULL DEFAULT '{}',
  -- Where the last append that added bytes began: one who repeats it has not heard that it succeeded.
  append_from bigint NOT NULL DEFAULT 0,
  -- SHA-256 of what was received, as uploads/resumable-sha256.ts saves it; null: nothing was received.
  hash_state bytea,
  -- Of a direct upload: what was announced. Of a resumable one: known once it is done.
  sha256 bytea,
  -- What the whole is going to be as an object; of a direct upload, what its URL names.
  object_id uuid NOT NULL,
  -- Bytes that count in blobs.usage on behalf of this upload; 0 once it is done, since the blob counts then.
  reserved bigint NOT NULL,
  -- When the blob was there.
  done_at timestamptz,
  expires_at timestamptz NOT NULL
);

CREATE INDEX uploads_open ON blobs.uploads (owner_id) WHERE done_at IS NULL;
CREATE INDEX uploads_expiry ON blobs.uploads (expires_at);
-- For the sweep of orphans, which asks whether anything refers to an object of the store.
CREATE INDEX uploads_pieces ON blobs.uploads USING gin (pieces) WITH (fastupdate = off);
CREATE INDEX uploads_object ON blobs.uploads (object_id);
