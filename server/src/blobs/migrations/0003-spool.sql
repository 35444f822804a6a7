-- Where the bytes are that are not in the object store yet: each pod's spool, by the id in its folder.
CREATE TABLE blobs.spool_pods (
  -- As in objects.spooled_by.
  pod_id text PRIMARY KEY,
  -- Of its service port; empty: other pods cannot ask it.
  url text NOT NULL,
  seen_at timestamptz NOT NULL
);

-- What a pod has to bring to the object store, the oldest first.
CREATE INDEX objects_spooled ON blobs.objects (spooled_by, created_at) WHERE spooled_by IS NOT NULL;
