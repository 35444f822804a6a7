/** Which process is at which request, on the database's clock; and what becomes of requests that nobody is at. */
import { type RequestRow, requestColumns } from "#dispatch/requests/request-row.ts";
import type { Database, Statement } from "#platform/database.ts";

const statements = {
  heartbeat: {
    name: "dispatch.processes.heartbeat",
    text: `INSERT INTO dispatch.processes (id, alive_until)
           VALUES ($1, clock_timestamp() + $2 * interval '1 millisecond')
           ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until`,
  },
  leave: {
    name: "dispatch.processes.leave",
    text: "DELETE FROM dispatch.processes WHERE id = $1",
  },
  claimDue: {
    name: "dispatch.requests.claim-due",
    text: `WITH due AS (
             SELECT id FROM dispatch.requests
             WHERE owner IS NULL AND ended_at IS NULL AND due_at <= clock_timestamp()
             ORDER BY due_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)
           UPDATE dispatch.requests r SET owner = $1 FROM due WHERE r.id = due.id RETURNING ${requestColumns}`,
  },
  takeOver: {
    name: "dispatch.requests.take-over",
    // Not by a process that was held up since it said that it is alive: those that were held up with it have not said so since either.
    text: `WITH orphaned AS (
             SELECT o.id FROM dispatch.requests o LEFT JOIN dispatch.processes p ON p.id = o.owner
             WHERE o.owner IS NOT NULL AND o.owner <> $1 AND (p.id IS NULL OR p.alive_until < clock_timestamp())
               AND (SELECT me.alive_until FROM dispatch.processes me WHERE me.id = $1)
                 > clock_timestamp() + $3 / 2 * interval '1 millisecond'
             LIMIT $2 FOR UPDATE OF o SKIP LOCKED)
           UPDATE dispatch.requests r SET owner = $1 FROM orphaned o WHERE r.id = o.id RETURNING ${requestColumns}`,
  },
  owned: {
    name: "dispatch.requests.owned",
    text: `SELECT ${requestColumns} FROM dispatch.requests r
           WHERE r.owner = $1 AND NOT r.id = ANY($2::uuid[]) LIMIT $3`,
  },
  sweepRequests: {
    name: "dispatch.requests.sweep",
    text: `WITH gone AS (
             DELETE FROM dispatch.requests WHERE id IN (
               SELECT id FROM dispatch.requests
               WHERE ended_at < clock_timestamp() - $1 * interval '1 millisecond' LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING 1)
           SELECT count(*) AS count FROM gone`,
  },
  sweepProcesses: {
    name: "dispatch.processes.sweep",
    text: "DELETE FROM dispatch.processes WHERE alive_until < clock_timestamp() - interval '1 day'",
  },
} satisfies Record<string, Statement>;

export type OwnershipStore = ReturnType<typeof createOwnershipStore>;

export function createOwnershipStore(database: Database, owner: string) {
  return {
    async heartbeat(leaseMs: number): Promise<void> {
      await database.query(statements.heartbeat, [owner, leaseMs]);
    },
    /** What this process still owns is free for the others. */
    async leave(): Promise<void> {
      await database.query(statements.leave, [owner]);
    },
    /** Those that nobody is at, now owned by this process. */
    claimDue: (limit: number): Promise<RequestRow[]> =>
      database.query<RequestRow>(statements.claimDue, [owner, limit]),
    /** Those of dead processes, now owned by this one; none unless it has just said that it is alive. */
    takeOver: (limit: number, leaseMs: number): Promise<RequestRow[]> =>
      database.query<RequestRow>(statements.takeOver, [owner, limit, leaseMs]),
    /** Those of this process without these. */
    owned: (without: readonly string[], limit: number): Promise<RequestRow[]> =>
      database.query<RequestRow>(statements.owned, [owner, without, limit]),
    /** Removes at most `limit` that ended so long ago; answers how many. */
    async sweep(retentionMs: number, limit: number): Promise<number> {
      return (await database.query<{ count: number }>(statements.sweepRequests, [retentionMs, limit]))[0]!
        .count;
    },
    async sweepProcesses(): Promise<void> {
      await database.query(statements.sweepProcesses);
    },
  };
}
