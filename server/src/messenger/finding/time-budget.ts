/** How long a search may take. What takes longer is broken off by the database, with what was found before kept. */
import type { Database, Queryable, Statement } from "#platform/database.ts";
import { fault, toPublicError } from "#platform/errors.ts";

export interface TimeBudget {
  remainingMs(): number;
}

export function startBudget(budgetMs: number): TimeBudget {
  const endsAt = performance.now() + budgetMs;
  return { remainingMs: () => Math.max(0, endsAt - performance.now()) };
}

/** With the values of each call, what a statement has to read differs by orders of magnitude: no plan fits all. */
const bound: Statement = {
  name: "messenger.bound-search",
  text: `SELECT set_config('statement_timeout', $1, true), set_config('plan_cache_mode', 'force_custom_plan', true)`,
};

/** The time is for all statements together: none is begun after it. */
function whileIn(tx: Queryable, remainingMs: () => number): Queryable {
  const check = () => {
    if (remainingMs() === 0) throw fault("timeout");
  };
  return {
    async query(statement, values) {
      check();
      return await tx.query(statement, values);
    },
    async queryArrays(statement, values) {
      check();
      return await tx.queryArrays(statement, values);
    },
  };
}

/** Undefined: time ran out. */
export async function withinTime<T>(
  database: Database,
  timeoutMs: number,
  work: (tx: Queryable) => Promise<T>,
): Promise<T | undefined> {
  if (timeoutMs < 1) return undefined;
  try {
    return await database.transaction(async (tx) => {
      const { remainingMs } = startBudget(timeoutMs);
      await tx.query(bound, [String(Math.ceil(timeoutMs))]);
      return await work(whileIn(tx, remainingMs));
    });
  } catch (error) {
    if (toPublicError(error).code === "timeout") return undefined;
    throw error;
  }
}
