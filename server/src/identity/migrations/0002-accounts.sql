-- What accounts of the old APIs have besides. No row that is there is written again.
ALTER TABLE identity.users
  -- As it was given. Absent for accounts that are known by their address alone.
  ADD COLUMN login_name text,
  -- The form in which two login names are the same; never that of an address.
  ADD COLUMN login_key text COLLATE "C",
  ADD COLUMN surname text NOT NULL DEFAULT '',
  ADD COLUMN surname_folded text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN profile jsonb NOT NULL DEFAULT '{}',
  -- Counts the user's changes of the password: a sign-in that began with a former one starts no session.
  ADD COLUMN password_version integer NOT NULL DEFAULT 0;

ALTER TABLE identity.sessions
  -- SHA-256 of the session key, for sessions that have one.
  ADD COLUMN key_hash bytea,
  -- When the session is over however often it is refreshed; absent: as the settings say.
  ADD COLUMN ends_at timestamptz,
  -- When its first access token expires, where that one was made to last longer than others.
  ADD COLUMN first_token_until timestamptz;
