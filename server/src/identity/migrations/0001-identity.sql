CREATE TABLE identity.users (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  -- What a search by name looks at; both made by name-search.ts, in the collation that compares bytes.
  name_folded text COLLATE "C" NOT NULL,
  name_grams text[] COLLATE "C" NOT NULL,
  -- As it was given. Absent for users of an outside token issuer.
  email text,
  -- The form in which two addresses are the same.
  email_key text COLLATE "C" UNIQUE,
  password_hash text,
  roles text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL
);

CREATE INDEX users_name_folded ON identity.users (name_folded, id);
CREATE INDEX users_name_grams ON identity.users USING gin (name_grams);

CREATE TABLE identity.external_identities (
  issuer text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
  PRIMARY KEY (issuer, subject)
);

CREATE INDEX external_identities_user ON identity.external_identities (user_id);

CREATE TABLE identity.sessions (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
  -- SHA-256 of the secret in the refresh token that is due, and of the one before it.
  token_hash bytea NOT NULL,
  previous_token_hash bytea,
  rotated_at timestamptz,
  created_at timestamptz NOT NULL,
  last_used_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  -- Signed out, revoked, or ended because a used refresh token came again.
  ended_at timestamptz,
  user_agent text NOT NULL,
  address text NOT NULL
);

CREATE INDEX sessions_live_of_user ON identity.sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON identity.sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_expiry ON identity.sessions (expires_at);

CREATE TABLE identity.signing_keys (
  kid text PRIMARY KEY,
  -- The order in which the keys were made, whatever the clocks of their makers said.
  ordinal bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  -- The public key, base64url (RFC 8037).
  x text NOT NULL,
  -- The private key, sealed with AES-256-GCM.
  sealed_private_key bytea NOT NULL,
  signs_from timestamptz NOT NULL,
  created_at timestamptz NOT NULL
);

-- Unlogged: what a crash takes away here is asked for again within seconds.
CREATE UNLOGGED TABLE identity.ws_tickets (
  ticket_hash bytea PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
  -- Absent for users of an outside token issuer.
  session_id uuid,
  roles text[] NOT NULL,
  token_expires_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);

CREATE INDEX ws_tickets_expiry ON identity.ws_tickets (expires_at);
