import { randomUUID } from "node:crypto";
import type { Budget } from "#dispatch/budget/budget.ts";
import { SpendDesk } from "#dispatch/budget/spend-desk.ts";
import { exchangeSpend, readSpend } from "#dispatch/budget/store-budget.ts";
import type { Catalogue } from "#dispatch/providers/catalogue.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";

export interface BudgetOptions {
  catalogue: Pick<Catalogue, "spendCapMicros" | "userSpendCapMicros" | "awayCapMicros">;
  database: Database;
  log: Log;
  /** Monotonic; for tests. */
  nowMs?: () => number;
}

/** See budget.ts. The schema must be there. */
export function createBudget({ catalogue, database, log, nowMs }: BudgetOptions): Budget {
  const process = randomUUID();
  const desk = new SpendDesk({
    userCapMicros: catalogue.userSpendCapMicros,
    reserveMicros: catalogue.awayCapMicros,
    nowMs: nowMs ?? (() => performance.now()),
    exchange: (request) =>
      exchangeSpend(database, {
        ...request,
        process,
        dayCapMicros: catalogue.spendCapMicros,
        userCapMicros: catalogue.userSpendCapMicros,
      }),
    onAway(isAway, error) {
      if (!isAway) return log.info("spending can be counted again");
      log.error(
        { err: error },
        "the database is away: paid requests are served out of the reserve, while it lasts",
      );
    },
  });
  return {
    reserve: (spending) => desk.reserve(spending),
    status: () => readSpend(database),
    start: () => desk.start(),
    stop: () => desk.stop(),
  };
}
