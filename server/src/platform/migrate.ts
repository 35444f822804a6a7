/**
 * Brings a service's schema up to date: the files of its migrations folder, in the order of their names, each once.
 * Pods may start together: one holds an advisory lock, the others wait for it.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type pg from "pg";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

const patienceMs = 600_000;

/** Without the pool's own limit, which is meant for statements of calls. */
function run(client: pg.PoolClient, text: string, values?: unknown[]) {
  return client.query({ text, query_timeout: patienceMs, ...(values ? { values } : {}) } as pg.QueryConfig);
}

/** Any fixed number will do; it must only be the same in all pods. */
const lockId = 7_270_901_342;

export async function migrate(database: Database, schema: string, folder: string, log: Log): Promise<void> {
  const migrations = await readMigrations(folder);
  await oneAtATime(database, (client) => applyMissing(client, schema, migrations, log));
}

/** For whatever makes or changes a schema: pods that start together do it one after the other. */
export async function oneAtATime(
  database: Database,
  work: (client: pg.PoolClient) => Promise<void>,
): Promise<void> {
  await database.withClient(async (client) => {
    // Waiting for another pod's migration, or running one, may take longer than a statement may.
    await client.query(`SET statement_timeout = ${patienceMs}`);
    await run(client, "SELECT pg_advisory_lock($1)", [lockId]);
    try {
      await work(client);
    } finally {
      await client.query("SELECT pg_advisory_unlock($1)", [lockId]);
      await client.query("RESET statement_timeout");
    }
  });
}

async function applyMissing(client: pg.PoolClient, schema: string, migrations: Migration[], log: Log) {
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  await client.query(
    `CREATE TABLE IF NOT EXISTS ${schema}.migrations (
       name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
  );
  const { rows } = await client.query(`SELECT name, checksum FROM ${schema}.migrations`);
  const applied = new Map<string, string>(rows.map((row) => [row.name, row.checksum]));
  for (const migration of migrations) {
    const checksum = applied.get(migration.name);
    if (checksum === migration.checksum) continue;
    if (checksum)
      throw new Error(`migration ${schema}/${migration.name} was changed after it had been applied`);
    await apply(client, schema, migration);
    log.info({ schema, migration: migration.name }, "schema migrated");
  }
}

async function apply(client: pg.PoolClient, schema: string, migration: Migration) {
  await client.query("BEGIN");
  try {
    await run(client, migration.sql);
    await client.query(`INSERT INTO ${schema}.migrations (name, checksum) VALUES ($1, $2)`, [
      migration.name,
      migration.checksum,
    ]);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name), "utf8");
      return { name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}
