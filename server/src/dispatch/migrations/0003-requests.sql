-- Requests to process a text whose outcome can be asked for again: those with a key, and those in the background.
--
-- status   owner
-- waiting  none     to be taken by whoever has a place free, once it is due
-- waiting  process  a process looks for a provider; nothing was sent that may have been processed
-- sending  process  it may have been sent to the provider
-- sending  none     as before; to be asked again of that provider, once it is due
-- done, failed      ended, for good
--
-- Only the owner changes an owned row, each time checking that it is still its own. A row whose owner has died is taken
-- over by another process.
CREATE TABLE dispatch.requests (
  -- Rises with time.
  id uuid PRIMARY KEY,
  -- Whose it is, and who is charged.
  user_id uuid NOT NULL,
  -- Unique for the user; see requests/request-key.ts.
  key text,
  processor text NOT NULL,
  -- Of processor and text: what a repetition must have in common with the first.
  content_hash bytea NOT NULL,
  -- Gone once it has ended.
  text text,
  may_use_paid boolean NOT NULL,
  -- Somebody counts on its being done although nobody waits for it.
  in_background boolean NOT NULL,
  status text NOT NULL CHECK (status IN ('waiting', 'sending', 'done', 'failed')),
  owner uuid,
  due_at timestamptz NOT NULL,
  provider text,
  attempt integer NOT NULL DEFAULT 0,
  result text,
  cost_micros bigint NOT NULL DEFAULT 0,
  reason text,
  free_opens_at timestamptz,
  error_code text,
  error_detail text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  CHECK ((ended_at IS NULL) = (status IN ('waiting', 'sending'))),
  CHECK ((ended_at IS NULL) = (text IS NOT NULL)),
  CHECK (ended_at IS NULL OR owner IS NULL)
);

CREATE UNIQUE INDEX requests_by_key ON dispatch.requests (user_id, key) WHERE key IS NOT NULL;
CREATE INDEX requests_due ON dispatch.requests (due_at, id) WHERE owner IS NULL AND ended_at IS NULL;
CREATE INDEX requests_owned ON dispatch.requests (owner) WHERE owner IS NOT NULL;
CREATE INDEX requests_waiting ON dispatch.requests (user_id) WHERE in_background AND ended_at IS NULL;
CREATE INDEX requests_ended ON dispatch.requests (ended_at) WHERE ended_at IS NOT NULL;

-- Rows are written three times within milliseconds: room for that on the page saves touching the indexes where it can.
ALTER TABLE dispatch.requests SET (fillfactor = 70);

-- Processes that may own requests. One that is not here, or whose time is over, is dead to the others.
CREATE TABLE dispatch.processes (
  id uuid PRIMARY KEY,
  alive_until timestamptz NOT NULL
);
