/** Our connections as pg-boss wants to have them. */
import { createHash } from "node:crypto";
import type { Db } from "pg-boss";
import type { Database, Queryable } from "#platform/database.ts";

/** For what creates a job in the transaction of somebody else. */
export function bossTransaction(tx: Queryable): Db {
  return { executeSql: async (text, values) => ({ rows: await tx.query(prepared(text), values) }) };
}

/**
 * What runs often is prepared. The rest has no parameters and may be several statements in one text, which PostgreSQL
 * does not prepare: housekeeping and the schema.
 */
export function bossDatabase(database: Database): Db {
  const whole = bossTransaction(database);
  return {
    async executeSql(text, values) {
      const isFrequent = text.includes("SKIP LOCKED") && !text.includes("BEGIN;");
      if (isFrequent || values?.length) return await whole.executeSql(text, values);
      return await database.withClient((client) => client.query(text));
    },
  };
}

/** pg-boss makes its texts anew each time, out of a bounded number of forms. */
const statements = new Map<string, { name: string; text: string }>();
const maxStatements = 500;

function prepared(text: string) {
  let statement = statements.get(text);
  if (!statement) {
    const verb = /\b(insert|update|delete|select)\b/i.exec(text)?.[0].toLowerCase() ?? "run";
    const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
    statement = { name: `pg-boss-${verb}-${hash}`, text };
    if (statements.size < maxStatements) statements.set(text, statement);
  }
  return statement;
}
