import { type UserRow, userColumns } from "#identity/store-users.ts";
import type { Database, Statement } from "#platform/database.ts";

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
}

export type SessionStore = ReturnType<typeof createSessionStore>;

const statements = {
  // The new session counts among the most, so one less of the others may stay. Those that must end are locked in
  // the order of their ids: two sign-ins of one user would else wait for each other.
  add: {
    name: "identity.sessions.add",
    text: `WITH added AS (
             INSERT INTO identity.sessions
               (id, user_id, token_hash, created_at, last_used_at, expires_at, user_agent, address)
             VALUES ($1, $2, $3, $4, $4, $5, $6, $7)),
           surplus AS (
             SELECT id FROM identity.sessions
             WHERE user_id = $2 AND ended_at IS NULL AND expires_at > $4
             ORDER BY last_used_at DESC OFFSET $8),
           locked AS (
             SELECT id FROM identity.sessions WHERE id IN (SELECT id FROM surplus) AND ended_at IS NULL
             ORDER BY id FOR UPDATE)
           UPDATE identity.sessions SET ended_at = $4 WHERE id IN (SELECT id FROM locked) RETURNING id`,
  },
  // Of any number of calls with the same token one finds it due; the row lock makes the others wait for that.
  rotate: {
    name: "identity.sessions.rotate",
    text: `UPDATE identity.sessions s
           SET previous_token_hash = s.token_hash, token_hash = $3, rotated_at = $4, last_used_at = $4,
               expires_at = LEAST($5::timestamptz, s.created_at + make_interval(days => $6))
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
  listLive: {
    name: "identity.sessions.list-live",
    text: `SELECT id, created_at AS "createdAt", last_used_at AS "lastUsedAt", expires_at AS "expiresAt",
             user_agent AS "userAgent", address
           FROM identity.sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
           ORDER BY last_used_at DESC, id`,
  },
  listEnded: {
    name: "identity.sessions.list-ended",
    text: "SELECT id FROM identity.sessions WHERE ended_at > $1",
  },
  sweep: {
    name: "identity.sessions.sweep",
    text: `WITH gone AS (
             DELETE FROM identity.sessions WHERE id IN (
               SELECT id FROM identity.sessions WHERE expires_at < $1 OR ended_at < $1
               LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING id)
           SELECT count(*) AS count FROM gone`,
  },
} satisfies Record<string, Statement>;

export function createSessionStore(database: Database) {
  return {
    /** Answers the ids of the sessions that had to end for it, because a user may have `maxSessions`. */
    async add(session: NewSession, maxSessions: number): Promise<string[]> {
      const { id, userId, tokenHash, createdAt, expiresAt, userAgent, address } = session;
      const values = [id, userId, tokenHash, createdAt, expiresAt, userAgent, address, maxSessions - 1];
      return (await database.query<{ id: string }>(statements.add, values)).map((row) => row.id);
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

    /** The latest used first. */
    listLive: (userId: string, now: Date) => database.query<SessionRow>(statements.listLive, [userId, now]),

    async listEnded(since: Date): Promise<string[]> {
      return (await database.query<{ id: string }>(statements.listEnded, [since])).map((row) => row.id);
    },

    /** Removes at most `limit` sessions that expired or ended before; answers how many. */
    async sweep(before: Date, limit: number): Promise<number> {
      return (await database.query<{ count: number }>(statements.sweep, [before, limit]))[0]!.count;
    },
  };
}
