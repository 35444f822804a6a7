-- Each queue is published for itself, so that one that RabbitMQ does not take holds up no other.
CREATE INDEX messages_by_queue_and_due_time ON job_outbox.messages (service, queue, due_at);
DROP INDEX job_outbox.messages_by_due_time;
