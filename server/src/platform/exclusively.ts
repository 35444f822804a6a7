/** What only one process at a time does. */
import type { Database } from "#platform/database.ts";

/** False, with nothing done, while somebody else holds the lock. It is held on a connection of its own. */
export function exclusively(database: Database, lockId: number, work: () => Promise<void>): Promise<boolean> {
  return database.withClient(async (client) => {
    const { rows } = await client.query("SELECT pg_try_advisory_lock($1) AS held", [lockId]);
    if (!rows[0].held) return false;
    try {
      await work();
    } finally {
      await client.query("SELECT pg_advisory_unlock($1)", [lockId]);
    }
    return true;
  });
}
