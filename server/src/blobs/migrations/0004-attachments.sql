-- Attachments: what messages hold on to, whatever becomes of the key. The table is there since 0001.
ALTER TABLE blobs.attachments
  -- The key's, when it was attached.
  ADD COLUMN content_type text NOT NULL,
  -- Of a picture, in pixels, as it is shown; 0: it is none that can be read. Null: nobody has looked yet.
  ADD COLUMN width int,
  ADD COLUMN height int,
  ADD CHECK ((width IS NULL) = (height IS NULL)),
  ADD CHECK (thumbnail_object_id IS NULL OR width > 0);

-- Whoever changes a key holds its owner's row of usage. So this, which holds it as well, reads keys that stay as they are
-- until the attachments are there. One row per given attachment, in their order; without an object: there is no such blob.
CREATE FUNCTION blobs.attach_blobs(ids uuid[], owners uuid[], given_keys bytea[])
RETURNS TABLE (object_id uuid, size bigint, sha256 bytea, content_type text)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
BEGIN
  -- Also of those who have put nothing yet: their first put and its deletion must not come in between unseen.
  IF EXISTS (SELECT 1 FROM unnest(owners) AS given (id) WHERE given.id NOT IN (SELECT owner_id FROM blobs.usage WHERE owner_id = ANY (owners))) THEN
    INSERT INTO blobs.usage (owner_id, bytes, blob_count)
    SELECT DISTINCT given.id, 0, 0 FROM unnest(owners) AS given (id) ORDER BY given.id
    ON CONFLICT DO NOTHING;
  END IF;
  PERFORM 1 FROM blobs.usage WHERE owner_id = ANY (owners) ORDER BY owner_id FOR SHARE;

  INSERT INTO blobs.attachments (id, object_id, owner_id, content_type, created_at)
  SELECT given.id, k.object_id, k.owner_id, k.content_type, clock_timestamp()
  FROM unnest(ids, owners, given_keys) AS given (id, owner, key)
  JOIN blobs.keys k ON k.owner_id = given.owner AND k.key = given.key
  ORDER BY given.id
  ON CONFLICT (id) DO NOTHING;

  RETURN QUERY
  SELECT o.id, o.size, o.sha256, a.content_type
  FROM unnest(ids, owners) WITH ORDINALITY AS given (id, owner, place)
  LEFT JOIN blobs.attachments a ON a.id = given.id AND a.owner_id = given.owner
  LEFT JOIN blobs.objects o ON o.id = a.object_id
  ORDER BY given.place;
END $$;

-- What nobody looked at yet. False: somebody has, or it is not held any more; then the thumbnail is nobody's.
CREATE FUNCTION blobs.prepare_attachment(
  given_id uuid, given_width int, given_height int,
  -- Null: there is none.
  thumbnail_id uuid, thumbnail_size bigint, thumbnail_sha256 bytea
) RETURNS boolean
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
  owner uuid;
BEGIN
  SELECT owner_id INTO owner FROM blobs.attachments WHERE id = given_id AND width IS NULL FOR UPDATE;
  IF owner IS NULL THEN
    RETURN false;
  END IF;
  IF thumbnail_id IS NOT NULL THEN
    INSERT INTO blobs.objects (id, owner_id, size, sha256, is_counted, created_at)
    VALUES (thumbnail_id, owner, thumbnail_size, thumbnail_sha256, false, clock_timestamp());
  END IF;
  UPDATE blobs.attachments
  SET width = given_width, height = given_height, thumbnail_object_id = thumbnail_id
  WHERE id = given_id;
  RETURN true;
END $$;

CREATE FUNCTION blobs.release_attachments(ids uuid[]) RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
  released uuid[];
BEGIN
  PERFORM 1 FROM blobs.usage
  WHERE owner_id = ANY (ARRAY(SELECT owner_id FROM blobs.attachments WHERE id = ANY (ids)))
  ORDER BY owner_id FOR NO KEY UPDATE;

  WITH gone AS (
    DELETE FROM blobs.attachments WHERE id = ANY (ids) RETURNING object_id, thumbnail_object_id
  )
  SELECT array_agg(DISTINCT referred.id) INTO released
  FROM gone CROSS JOIN LATERAL (VALUES (object_id), (thumbnail_object_id)) AS referred (id)
  WHERE referred.id IS NOT NULL;

  IF released IS NOT NULL THEN
    PERFORM blobs.let_go(released);
  END IF;
END $$;
