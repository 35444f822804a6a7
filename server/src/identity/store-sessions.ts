import { type UserRow, userColumns } from "#identity/store-users.ts";
import type { Database, Queryable, Statement } from "#platform/database.ts";

export interface SessionRow {
  id: string;
  createdAt: Date;
  lastUsedAt: Date;
  expiresAt: Date;
  userAgent: string;
  address: string;
}

/** A session with its user; the user's columns at the top level. */
export type RefreshedRow = UserRow & { sessionExpiresAt: Date };

export interface NewSession {
  id: string;
  userId: string;
  tokenHash: Buffer;
  createdAt: Date;
  expiresAt: Date;
  userAgent: string;
  address: string;
  /** When it is over however often it is refreshed; null: as the settings say. */
  endsAt: Date | null;
  keyHash: Buffer | null;
  firstTokenUntil: Date | null;
  /** Of the password that was shown for it. */
  passwordVersion: number;
}

/** A session that a key stands for, with its user. */
export type KeySessionRow = UserRow & { sessionId: string; sessionExpiresAt: Date; lastUsedAt: Date };

export type SessionStore = ReturnType<typeof createSessionStore>;

const statements = {
  // The new session counts among the most, so one less of the others may stay. Those that must end are locked in
  // the order of their ids, and after the user: two sign-ins of one user would else wait for each other. The lock on
  // the user also keeps a change of the password from coming between.
  add: {
    name: "identity.sessions.add",
    text: `WITH owner AS MATERIALIZED (
             SELECT id FROM identity.users WHERE id = $2 AND password_version = $9 FOR SHARE),
           added AS (
             INSERT INTO identity.sessions
               (id, user_id, token_hash, created_at, last_used_at, expires_at, user_agent, address,
                ends_at, key_hash, first_token_until)
             SELECT $1, id, $3, $4::timestamptz, $4, $5, $6, $7, $10, $11, $12 FROM owner RETURNING id),
           surplus AS (
             SELECT id FROM identity.sessions
             WHERE user_id = (SELECT id FROM owner) AND ended_at IS NULL AND expires_at > $4
             ORDER BY last_used_at DESC OFFSET $8),
           locked AS (
             SELECT id FROM identity.sessions WHERE id IN (SELECT id FROM surplus) AND ended_at IS NULL
             ORDER BY id FOR UPDATE),
           displaced AS (
             UPDATE identity.sessions SET ended_at = $4 WHERE id IN (SELECT id FROM locked) RETURNING id)
           SELECT ARRAY(SELECT id::text FROM displaced) AS displaced FROM added`,
  },
  // Of any number of calls with the same token one finds it due; the row lock makes the others wait for that.
  rotate: {
    name: "identity.sessions.rotate",
    text: `UPDATE identity.sessions s
           SET previous_token_hash = s.token_hash, token_hash = $3, rotated_at = $4, last_used_at = $4,
               expires_at = LEAST($5::timestamptz, s.created_at + make_interval(days => $6), s.ends_at)
           FROM identity.users u
           WHERE s.id = $1 AND s.token_hash = $2 AND s.ended_at IS NULL AND s.expires_at > $4 AND u.id = s.user_id
           RETURNING ${userColumns}, s.expires_at AS "sessionExpiresAt"`,
  },
  justRotated: {
    name: "identity.sessions.just-rotated",
    text: `SELECT ${userColumns}, s.expires_at AS "sessionExpiresAt"
           FROM identity.sessions s JOIN identity.users u ON u.id = s.user_id
           WHERE s.id = $1 AND s.previous_token_hash = $2 AND s.token_hash = $3 AND s.rotated_at >= $4
             AND s.ended_at IS NULL AND s.expires_at > $5`,
  },
  endReused: {
    name: "identity.sessions.end-reused",
    text: `UPDATE identity.sessions SET ended_at = $4
           WHERE id = $1 AND ended_at IS NULL AND token_hash <> $2
             AND (previous_token_hash IS DISTINCT FROM $2 OR rotated_at < $3)
           RETURNING user_id AS "userId"`,
  },
  end: {
    name: "identity.sessions.end",
    text: `UPDATE identity.sessions SET ended_at = $3
           WHERE id = $1 AND user_id = $2 AND ended_at IS NULL AND expires_at > $3 RETURNING id`,
  },
  // Locked in the order of their ids, as by a sign-in.
  endOthers: {
    name: "identity.sessions.end-others",
    text: `WITH others AS (
             SELECT id FROM identity.sessions
             WHERE user_id = $1 AND id IS DISTINCT FROM $2 AND ended_at IS NULL AND expires_at > $3
             ORDER BY id FOR UPDATE)
           UPDATE identity.sessions SET ended_at = $3 WHERE id IN (SELECT id FROM others) RETURNING id`,
  },
  byKey: {
    name: "identity.sessions.by-key",
    text: `SELECT ${userColumns}, s.id AS "sessionId", s.expires_at AS "sessionExpiresAt", s.last_used_at AS "lastUsedAt"
           FROM identity.sessions s JOIN identity.users u ON u.id = s.user_id
           WHERE s.key_hash = $1 AND s.ended_at IS NULL AND s.expires_at > $2`,
  },
  use: {
    name: "identity.sessions.use",
    text: "UPDATE identity.sessions SET last_used_at = $2 WHERE id = $1 AND ended_at IS NULL AND last_used_at < $2",
  },
  listLive: {
    name: "identity.sessions.list-live",
    text: `SELECT id, created_at AS "createdAt", last_used_at AS "lastUsedAt", expires_at AS "expiresAt",
             user_agent AS "userAgent", address
           FROM identity.sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
           ORDER BY last_used_at DESC, id`,
  },
  listEnded: {
    name: "identity.sessions.list-ended",
    text: `SELECT id FROM identity.sessions WHERE ended_at > $1
           UNION SELECT id FROM identity.sessions WHERE ended_at IS NOT NULL AND first_token_until > $2`,
  },
  sweep: {
    name: "identity.sessions.sweep",
    text: `WITH gone AS (
             DELETE FROM identity.sessions WHERE id IN (
               SELECT id FROM identity.sessions
               WHERE expires_at < $1 OR (ended_at < $1 AND COALESCE(first_token_until, ended_at) < $1)
               LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING id)
           SELECT count(*) AS count FROM gone`,
  },
} satisfies Record<string, Statement>;

export function createSessionStore(database: Database) {
  return {
    /**
     * Answers the ids of the sessions that had to end for it, because a user may have `maxSessions`. Undefined, and
     * nothing is changed, when the password has changed since.
     */
    async add(session: NewSession, maxSessions: number): Promise<string[] | undefined> {
      const { id, userId, tokenHash, createdAt, expiresAt, userAgent, address } = session;
      const first = [id, userId, tokenHash, createdAt, expiresAt, userAgent, address, maxSessions - 1];
      const values = [
        ...first,
        session.passwordVersion,
        session.endsAt,
        session.keyHash,
        session.firstTokenUntil,
      ];
      return (await database.query<{ displaced: string[] }>(statements.add, values))[0]?.displaced;
    },

    /** Undefined when the session does not live or its due token is another one. */
    async rotate(turn: {
      sessionId: string;
      tokenHash: Buffer;
      successorHash: Buffer;
      now: Date;
      expiresAt: Date;
      maxDays: number;
    }): Promise<RefreshedRow | undefined> {
      const { sessionId, tokenHash, successorHash, now, expiresAt, maxDays } = turn;
      const values = [sessionId, tokenHash, successorHash, now, expiresAt, maxDays];
      return (await database.query<RefreshedRow>(statements.rotate, values))[0];
    },

    /** The session, if the token is the one before the due one and gave way to it no earlier than `since`. */
    async justRotated(turn: {
      sessionId: string;
      tokenHash: Buffer;
      successorHash: Buffer;
      since: Date;
      now: Date;
    }): Promise<RefreshedRow | undefined> {
      const { sessionId, tokenHash, successorHash, since, now } = turn;
      const values = [sessionId, tokenHash, successorHash, since, now];
      return (await database.query<RefreshedRow>(statements.justRotated, values))[0];
    },

    /** Ends the session unless the token is due, or gave way no earlier than `since`. Answers whose it was. */
    async endReused(turn: { sessionId: string; tokenHash: Buffer; since: Date; now: Date }) {
      const values = [turn.sessionId, turn.tokenHash, turn.since, turn.now];
      return (await database.query<{ userId: string }>(statements.endReused, values))[0]?.userId;
    },

    /** Whether the user had such a live session. */
    async end(sessionId: string, userId: string, now: Date): Promise<boolean> {
      return (await database.query(statements.end, [sessionId, userId, now])).length > 0;
    },

    /** Ends the user's sessions but the one; answers their ids. */
    async endOthers(tx: Queryable, userId: string, keptId: string | null, now: Date): Promise<string[]> {
      return (await tx.query<{ id: string }>(statements.endOthers, [userId, keptId, now])).map(
        (row) => row.id,
      );
    },

    /** The live session with such a key. */
    byKey: async (keyHash: Buffer, now: Date): Promise<KeySessionRow | undefined> =>
      (await database.query<KeySessionRow>(statements.byKey, [keyHash, now]))[0],

    /** Of a session that is not refreshed. */
    async noteUse(id: string, now: Date): Promise<void> {
      await database.query(statements.use, [id, now]);
    },

    /** The latest used first. */
    listLive: (userId: string, now: Date) => database.query<SessionRow>(statements.listLive, [userId, now]),

    /** Ended since, or with a first access token that is valid until later than `tokenUntil`. */
    async listEnded(since: Date, tokenUntil: Date): Promise<string[]> {
      const rows = await database.query<{ id: string }>(statements.listEnded, [since, tokenUntil]);
      return rows.map((row) => row.id);
    },

    /** Removes at most `limit` sessions that expired or ended before; answers how many. */
    async sweep(before: Date, limit: number): Promise<number> {
      return (await database.query<{ count: number }>(statements.sweep, [before, limit]))[0]!.count;
    },
  };
}
