-- Searches in the background.
CREATE TABLE search.tasks (
  task_id uuid PRIMARY KEY,
  user_id uuid NOT NULL,
  query text NOT NULL,
  status text NOT NULL CHECK (status IN ('waiting', 'running', 'done', 'failed')),
  -- Rises with each attempt: who holds an earlier one may not write any more.
  attempt int NOT NULL DEFAULT 0,
  partial bool NOT NULL DEFAULT false,
  result_count int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  started_at timestamptz,
  finished_at timestamptz,
  expires_at timestamptz,
  error_code text NOT NULL DEFAULT ''
);
