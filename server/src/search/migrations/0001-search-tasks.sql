-- Searches in the background. Times are the database's.
CREATE TABLE search.tasks (
  task_id uuid PRIMARY KEY,
  user_id uuid NOT NULL,
  -- As it was written.
  query text NOT NULL,
  -- As the messenger is asked (MessageQuery); null: it is about nobody who could be meant, so nothing matches.
  message_query bytea,
  status text NOT NULL CHECK (status IN ('waiting', 'running', 'done', 'failed')),
  -- Since when a job stands for it; null while its user has as many of them as may be, and after the end.
  queued_at timestamptz,
  -- Rises with each attempt: who holds an earlier one may not write any more.
  attempt int NOT NULL DEFAULT 0,
  partial bool NOT NULL DEFAULT false,
  result_count int NOT NULL DEFAULT 0,
  -- Where the results of the attempt are.
  results_in text NOT NULL DEFAULT '' CHECK (results_in IN ('', 'redis', 'database')),
  created_at timestamptz NOT NULL,
  started_at timestamptz,
  finished_at timestamptz,
  expires_at timestamptz,
  error_code text NOT NULL DEFAULT ''
);

CREATE INDEX tasks_of_user ON search.tasks (user_id, created_at, task_id);
CREATE INDEX tasks_open ON search.tasks (created_at) WHERE status IN ('waiting', 'running');
CREATE INDEX tasks_ended ON search.tasks (expires_at) WHERE expires_at IS NOT NULL;

-- Where there is no Redis, or it was away. Ids only: what they stand for is read when it is shown.
CREATE TABLE search.results (
  task_id uuid NOT NULL REFERENCES search.tasks ON DELETE CASCADE,
  attempt int NOT NULL,
  -- From 0; each but the last holds as many as results/results.ts says.
  chunk int NOT NULL,
  message_ids text[] NOT NULL,
  PRIMARY KEY (task_id, attempt, chunk)
);
