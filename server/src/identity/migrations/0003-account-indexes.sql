-- Apart from the columns, so that nobody who reads waits while the tables are gone through.
CREATE UNIQUE INDEX users_login_key ON identity.users (login_key) WHERE login_key IS NOT NULL;
CREATE INDEX users_surname_folded ON identity.users (surname_folded, name_folded, id) WHERE surname_folded <> '';
CREATE UNIQUE INDEX sessions_key_hash ON identity.sessions (key_hash) WHERE key_hash IS NOT NULL;
CREATE INDEX sessions_long_tokens ON identity.sessions (first_token_until) WHERE first_token_until IS NOT NULL;
