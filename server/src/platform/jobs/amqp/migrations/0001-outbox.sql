-- Jobs on their way to RabbitMQ, and those that nobody could do.
CREATE TABLE job_outbox.queues (
  service text NOT NULL,
  queue text NOT NULL,
  PRIMARY KEY (service, queue)
);

-- A row is gone once RabbitMQ has confirmed the message. A job that failed comes back here for its pause.
CREATE TABLE job_outbox.messages (
  job_id uuid PRIMARY KEY,
  service text NOT NULL,
  queue text NOT NULL,
  due_at timestamptz NOT NULL,
  attempt int NOT NULL,
  data jsonb NOT NULL,
  traceparent text
);
-- Each queue is published for itself, so that one that RabbitMQ does not take holds up no other.
CREATE INDEX messages_by_due_time ON job_outbox.messages (service, queue, due_at);

CREATE TABLE job_outbox.dead (
  job_id uuid PRIMARY KEY,
  service text NOT NULL,
  queue text NOT NULL,
  data jsonb NOT NULL,
  attempts int NOT NULL,
  failed_at timestamptz NOT NULL,
  error text NOT NULL
);
CREATE INDEX dead_by_time ON job_outbox.dead (service, queue, failed_at);
