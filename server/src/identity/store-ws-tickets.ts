import type { Database, Statement } from "#platform/database.ts";

export interface WsTicketRow {
  userId: string;
  sessionId: string | null;
  roles: string[];
  tokenExpiresAt: Date;
}

export type WsTicketStore = ReturnType<typeof createWsTicketStore>;

const statements = {
  add: {
    name: "identity.ws-tickets.add",
    text: `WITH live AS (
             SELECT id FROM identity.sessions
             WHERE id = $3 AND user_id = $2 AND ended_at IS NULL AND expires_at > $7)
           INSERT INTO identity.ws_tickets (ticket_hash, user_id, session_id, roles, token_expires_at, expires_at)
           SELECT $1, u.id, $3::uuid, $4, $5, $6 FROM identity.users u
           WHERE u.id = $2 AND ($3::uuid IS NULL OR EXISTS (SELECT FROM live))
           RETURNING 1`,
  },
  redeem: {
    name: "identity.ws-tickets.redeem",
    text: `DELETE FROM identity.ws_tickets t
           WHERE t.ticket_hash = $1 AND t.expires_at > $2 AND t.token_expires_at > $2
             AND NOT EXISTS (SELECT FROM identity.sessions s WHERE s.id = t.session_id AND s.ended_at IS NOT NULL)
           RETURNING t.user_id AS "userId", t.session_id AS "sessionId", t.roles,
             t.token_expires_at AS "tokenExpiresAt"`,
  },
  sweep: {
    name: "identity.ws-tickets.sweep",
    text: `WITH gone AS (
             DELETE FROM identity.ws_tickets WHERE ticket_hash IN (
               SELECT ticket_hash FROM identity.ws_tickets WHERE expires_at < $1
               LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING 1)
           SELECT count(*) AS count FROM gone`,
  },
} satisfies Record<string, Statement>;

export function createWsTicketStore(database: Database) {
  return {
    /** False when the user or the session is not there any more. */
    async add(ticket: WsTicketRow & { ticketHash: Buffer; expiresAt: Date; now: Date }): Promise<boolean> {
      const { ticketHash, userId, sessionId, roles, tokenExpiresAt, expiresAt, now } = ticket;
      const values = [ticketHash, userId, sessionId, roles, tokenExpiresAt, expiresAt, now];
      return (await database.query(statements.add, values)).length > 0;
    },

    async redeem(ticketHash: Buffer, now: Date): Promise<WsTicketRow | undefined> {
      return (await database.query<WsTicketRow>(statements.redeem, [ticketHash, now]))[0];
    },

    /** Removes at most `limit` expired tickets; answers how many. */
    async sweep(now: Date, limit: number): Promise<number> {
      return (await database.query<{ count: number }>(statements.sweep, [now, limit]))[0]!.count;
    },
  };
}
