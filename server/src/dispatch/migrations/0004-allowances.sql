-- How much of its allowance for a day each user has used. Days are numbered since 1970 (UTC, by this database's clock).
-- Rows of former days are swept.
CREATE TABLE dispatch.allowances (
  day int NOT NULL,
  user_id uuid NOT NULL,
  used int NOT NULL CHECK (used >= 0),
  PRIMARY KEY (day, user_id)
) WITH (fillfactor = 70);
