/** A database of its own for each test file, on the server that PARLEY_TEST_DATABASE_URL names. */
import { randomBytes } from "node:crypto";
import { after } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { createDatabase, type Database } from "#platform/database.ts";
import { createLog } from "#platform/log.ts";

export interface TestDatabase {
  readonly url: string;
  readonly database: Database;
}

/** Call it at the top of a test file; the database is dropped after the file's tests unless one failed. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = process.env.PARLEY_TEST_DATABASE_URL;
  if (!serverUrl) throw new Error("PARLEY_TEST_DATABASE_URL is not set: run the tests by `npm test`");
  const name = `parley_test_${randomBytes(6).toString("hex")}`;
  await onServer(serverUrl, `CREATE DATABASE ${name}`);
  const url = Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href;
  const database = createDatabase(
    {
      connectionString: url,
      maxConnections: 10,
      acquireTimeoutMs: 10_000,
      statementTimeoutMs: 10_000,
      applicationName: "parley-test",
    },
    createLog("silent"),
  );
  after(async () => {
    await database.close();
    if (!process.exitCode) await drop(serverUrl, name);
  });
  return { url, database };
}

/** A vacuum that runs there just now is not ours to end; it does not take long. */
async function drop(serverUrl: string, name: string) {
  const insufficientPrivilege = "42501";
  for (let triesLeft = 50; ; triesLeft--) {
    try {
      return await onServer(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    } catch (error) {
      if ((error as { code?: string }).code !== insufficientPrivilege || triesLeft === 0) throw error;
      await delay(100);
    }
  }
}

async function onServer(url: string, sql: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
