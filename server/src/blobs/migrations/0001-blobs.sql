-- Blobs: which bytes a user's keys stand for, and what becomes of bytes that nothing stands for any more. The bytes
-- themselves are in the object store.
--
-- Locks are taken in the same order everywhere: usage by owner, keys by owner and key, objects by id. Whoever changes a
-- key of a user holds that user's row of usage, so what was read under it stays as it is until the commit.

-- Immutable: bytes that were written once. A row is there before anything refers to the object, and until its bytes are
-- deleted.
CREATE TABLE blobs.objects (
  -- A UUIDv7 of the cluster's time; objects/object-name.ts makes the name in the store of it.
  id uuid PRIMARY KEY,
  owner_id uuid NOT NULL,
  size bigint NOT NULL CHECK (size >= 0),
  sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
  -- Objects of the store that it is made of, in order, and how large each is. Null: one, of its own id.
  pieces uuid[],
  piece_sizes bigint[],
  -- The pod on whose disk alone the bytes are. Null: they are in the store.
  spooled_by text,
  -- Whether it counts as its owner's usage.
  is_counted boolean NOT NULL,
  created_at timestamptz NOT NULL,
  CHECK (cardinality(pieces) = cardinality(piece_sizes))
);

-- For the sweep, which asks of names in the store whether they are part of something.
CREATE INDEX objects_pieces ON blobs.objects USING gin (pieces) WHERE pieces IS NOT NULL;

CREATE TABLE blobs.keys (
  owner_id uuid NOT NULL,
  -- UTF-8 of 1 to 1,024 bytes, any characters.
  key bytea NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 1024),
  object_id uuid NOT NULL,
  content_type text NOT NULL,
  metadata jsonb,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (owner_id, key)
);

CREATE INDEX keys_object ON blobs.keys (object_id);

-- Objects that messages refer to, as content or as a small picture of it. What else is known of them is added with
-- the attachments themselves.
CREATE TABLE blobs.attachments (
  id uuid PRIMARY KEY,
  object_id uuid NOT NULL,
  thumbnail_object_id uuid,
  owner_id uuid NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE INDEX attachments_object ON blobs.attachments (object_id);
CREATE INDEX attachments_thumbnail ON blobs.attachments (thumbnail_object_id) WHERE thumbnail_object_id IS NOT NULL;

-- What a user's counted objects add up to that are not garbage, and what open uploads have announced. Changes with every put: pages keep room for that.
CREATE TABLE blobs.usage (
  owner_id uuid PRIMARY KEY,
  bytes bigint NOT NULL CHECK (bytes >= 0),
  blob_count int NOT NULL CHECK (blob_count >= 0)
) WITH (fillfactor = 50);

-- Objects that nothing refers to any more. The sweep deletes their bytes some time after, so that whoever reads them can
-- finish. Also pieces that never became part of an object: those have no row in objects.
CREATE TABLE blobs.garbage (
  object_id uuid PRIMARY KEY,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX garbage_since ON blobs.garbage (since);

-- Up to which hour the store was looked through for bytes that no row knows.
CREATE TABLE blobs.sweep_progress (
  name text PRIMARY KEY,
  swept_until timestamptz NOT NULL
);

-- Which database this is. The store bears the same mark (sweep/store-mark.ts): a database that is not a store's own must not
-- decide what nobody needs there.
CREATE TABLE blobs.identity (id uuid NOT NULL);
INSERT INTO blobs.identity (id) VALUES (gen_random_uuid());

-- Whoever takes away a reference to objects calls this in the same transaction, afterwards. Those that neither a key nor an
-- attachment refers to any more become garbage, and are no longer counted. The rows of objects are locked before it is
-- looked for other references, so of two that take the last two references away one sees that it was the last.
CREATE FUNCTION blobs.let_go(object_ids uuid[]) RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
BEGIN
  PERFORM 1 FROM blobs.usage
  WHERE owner_id = ANY (ARRAY(SELECT owner_id FROM blobs.objects WHERE id = ANY (object_ids)))
  ORDER BY owner_id FOR NO KEY UPDATE;
  PERFORM 1 FROM blobs.objects WHERE id = ANY (object_ids) ORDER BY id FOR NO KEY UPDATE;

  -- Scalar subqueries are index look-ups whatever the planner believes of the tables' sizes.
  WITH gone AS (
    INSERT INTO blobs.garbage (object_id)
    SELECT o.id FROM blobs.objects o
    WHERE o.id = ANY (object_ids)
      AND (SELECT 1 FROM blobs.keys k WHERE k.object_id = o.id LIMIT 1) IS NULL
      AND (SELECT 1 FROM blobs.attachments a WHERE a.object_id = o.id LIMIT 1) IS NULL
      AND (SELECT 1 FROM blobs.attachments a WHERE a.thumbnail_object_id = o.id LIMIT 1) IS NULL
    ON CONFLICT DO NOTHING
    RETURNING object_id
  ), freed AS (
    SELECT o.owner_id, sum(o.size) AS bytes, count(*) AS blob_count
    FROM gone JOIN blobs.objects o ON o.id = gone.object_id
    WHERE o.is_counted
    GROUP BY o.owner_id
  )
  UPDATE blobs.usage u
  SET bytes = u.bytes - freed.bytes, blob_count = u.blob_count - freed.blob_count
  FROM freed WHERE u.owner_id = freed.owner_id;
END $$;

-- Makes objects, whose bytes are there already, those of keys. One call is one commit. Items of one key are applied in
-- their order. Those that are refused change nothing.
--
-- owners: distinct and sorted. keys: distinct, sorted by owner and key; key_owners: of each, its owner's place in owners.
-- All other arrays: of each item, one element.
CREATE FUNCTION blobs.put_blobs(
  owners uuid[], key_owners int[], keys bytea[],
  -- The place in keys.
  key_places int[],
  ids uuid[], sizes bigint[], hashes text[], pieces text[], piece_sizes text[], spools text[],
  content_types text[], metadata text[],
  -- True: the key has to have a blob; false: it must not have one; null: either.
  existences boolean[],
  -- Arrays of SHA-256 in hex: the blob has to be one of them, or none of them. Null: any.
  matches text[], mismatches text[],
  -- Bytes that an owner may keep.
  quota bigint,
  -- Milliseconds since 1970; of the whole batch.
  OUT at_ms float8,
  -- 'created', 'replaced', or why it was refused.
  OUT outcomes text[]
)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  now_at timestamptz;
  place int;
  owner int;
  number bigint;
  object uuid;
  hash text;
  is_shared bool;
  used bigint[] := array_fill(0::bigint, ARRAY[cardinality(owners)]);
  grown bigint[] := used;
  counts int[] := array_fill(0, ARRAY[cardinality(owners)]);
  present_objects uuid[] := array_fill(NULL::uuid, ARRAY[cardinality(keys)]);
  present_hashes text[] := array_fill(NULL::text, ARRAY[cardinality(keys)]);
  -- What replacing the present object gives back; nothing as long as a message holds on to it.
  refunds bigint[] := array_fill(0::bigint, ARRAY[cardinality(keys)]);
  last_items int[] := array_fill(NULL::int, ARRAY[cardinality(keys)]);
  released uuid[] := '{}';
BEGIN
  outcomes := array_fill(NULL::text, ARRAY[cardinality(ids)]);

  IF (SELECT count(*) FROM blobs.usage WHERE owner_id = ANY (owners)) < cardinality(owners) THEN
    INSERT INTO blobs.usage (owner_id, bytes, blob_count)
    SELECT given.owner_id, 0, 0 FROM unnest(owners) WITH ORDINALITY AS given (owner_id, nth) ORDER BY given.nth
    ON CONFLICT DO NOTHING;
  END IF;
  FOR place, number IN
    SELECT given.place, u.bytes
    FROM unnest(owners) WITH ORDINALITY AS given (owner_id, place)
    JOIN blobs.usage u ON u.owner_id = given.owner_id
    ORDER BY given.place
    FOR NO KEY UPDATE OF u
  LOOP
    used[place] := number;
  END LOOP;

  -- Nobody else changes these keys now; who attaches one of them holds it until the attachment is there.
  FOR place, object, hash, number, is_shared IN
    SELECT given.place, o.id, encode(o.sha256, 'hex'), o.size,
      (SELECT 1 FROM blobs.attachments a WHERE a.object_id = o.id LIMIT 1) IS NOT NULL
    FROM unnest(key_owners, keys) WITH ORDINALITY AS given (owner, key, place)
    JOIN blobs.keys k ON k.owner_id = owners[given.owner] AND k.key = given.key
    JOIN blobs.objects o ON o.id = k.object_id
    ORDER BY given.place
    FOR NO KEY UPDATE OF k
  LOOP
    present_objects[place] := object;
    present_hashes[place] := hash;
    refunds[place] := CASE WHEN is_shared THEN 0 ELSE number END;
  END LOOP;

  -- Read under the lock, so that times never run against the order of changes.
  now_at := date_trunc('milliseconds', clock_timestamp());
  at_ms := date_part('epoch', now_at) * 1000;

  FOR item IN 1 .. cardinality(ids) LOOP
    place := key_places[item];
    owner := key_owners[place];
    hash := present_hashes[place];
    IF (hash IS NOT NULL) <> existences[item]
      OR (matches[item] IS NOT NULL AND (hash = ANY (matches[item]::text[])) IS NOT TRUE)
      OR (mismatches[item] IS NOT NULL AND hash = ANY (mismatches[item]::text[]))
    THEN
      outcomes[item] := 'precondition-failed';
    ELSIF sizes[item] > refunds[place] AND used[owner] - refunds[place] + sizes[item] > quota THEN
      outcomes[item] := 'quota-exceeded';
    ELSE
      outcomes[item] := CASE WHEN hash IS NULL THEN 'created' ELSE 'replaced' END;
      IF hash IS NOT NULL THEN
        released := released || present_objects[place];
      END IF;
      used[owner] := used[owner] - refunds[place] + sizes[item];
      grown[owner] := grown[owner] + sizes[item];
      counts[owner] := counts[owner] + 1;
      present_objects[place] := ids[item];
      present_hashes[place] := hashes[item];
      refunds[place] := sizes[item];
      last_items[place] := item;
    END IF;
  END LOOP;

  INSERT INTO blobs.objects
    (id, owner_id, size, sha256, pieces, piece_sizes, spooled_by, is_counted, created_at)
  SELECT item.id, owners[key_owners[item.place]], item.size, decode(item.hash, 'hex'),
    item.pieces::uuid[], item.piece_sizes::bigint[], item.spool, true, now_at
  FROM unnest(key_places, ids, sizes, hashes, pieces, piece_sizes, spools, outcomes)
    AS item (place, id, size, hash, pieces, piece_sizes, spool, outcome)
  WHERE item.outcome IN ('created', 'replaced');

  INSERT INTO blobs.keys AS k (owner_id, key, object_id, content_type, metadata, updated_at)
  SELECT owners[given.owner], given.key, ids[given.item], content_types[given.item],
    metadata[given.item]::jsonb, now_at
  FROM unnest(key_owners, keys, last_items) AS given (owner, key, item)
  WHERE given.item IS NOT NULL
  ON CONFLICT (owner_id, key) DO UPDATE
  SET object_id = excluded.object_id, content_type = excluded.content_type, metadata = excluded.metadata,
    updated_at = excluded.updated_at;

  UPDATE blobs.usage u
  SET bytes = u.bytes + added.bytes, blob_count = u.blob_count + added.blob_count
  FROM unnest(owners, grown, counts) AS added (owner_id, bytes, blob_count)
  WHERE u.owner_id = added.owner_id AND added.blob_count > 0;

  IF cardinality(released) > 0 THEN
    PERFORM blobs.let_go(released);
  END IF;
END $$;

-- 'deleted', 'absent' or 'precondition-failed'. match: SHA-256 in hex that the blob has to have; null: any.
CREATE FUNCTION blobs.delete_blob(given_owner uuid, given_key bytea, is_conditional boolean, match text) RETURNS text
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
  object uuid;
  hash text;
BEGIN
  PERFORM 1 FROM blobs.usage WHERE owner_id = given_owner FOR NO KEY UPDATE;
  SELECT k.object_id, encode(o.sha256, 'hex') INTO object, hash
  FROM blobs.keys k JOIN blobs.objects o ON o.id = k.object_id
  WHERE k.owner_id = given_owner AND k.key = given_key
  FOR UPDATE OF k;
  IF object IS NULL THEN
    RETURN CASE WHEN is_conditional THEN 'precondition-failed' ELSE 'absent' END;
  END IF;
  IF is_conditional AND hash <> match THEN
    RETURN 'precondition-failed';
  END IF;
  DELETE FROM blobs.keys WHERE owner_id = given_owner AND key = given_key;
  PERFORM blobs.let_go(ARRAY[object]);
  RETURN 'deleted';
END $$;
