/**
 * Access to PostgreSQL: prepared statements on a bounded pool, every wait with a deadline, and errors of the
 * connection told apart from errors of the statement.
 */
import pg from "pg";
import { createDatabaseObserver, type ObserveStatement } from "#platform/database-observer.ts";
import { fault } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import { noTelemetry, type Telemetry } from "#platform/telemetry.ts";

export interface DatabaseOptions {
  connectionString: string;
  /** Connections at the most. */
  maxConnections: number;
  /** How long a caller waits for a free connection. */
  acquireTimeoutMs: number;
  statementTimeoutMs: number;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  telemetry?: Telemetry;
}

/** A prepared statement. Its name is unique for its text: connections keep it by name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export interface Queryable {
  /** Rows as objects keyed by column name. */
  query<Row extends pg.QueryResultRow>(statement: Statement, values?: unknown[]): Promise<Row[]>;
  /** Rows as arrays in the order of the columns: cheaper for many rows. */
  queryArrays<Row extends unknown[]>(statement: Statement, values?: unknown[]): Promise<Row[]>;
}

export interface Database extends Queryable {
  /** Runs work in one transaction; rolls back when it throws. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /** A connection of one's own, for advisory locks and migrations. */
  withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

// int8 only stands for counts and sums here, all far below 2^53.
const int8Oid = 20;
pg.types.setTypeParser(int8Oid, Number);

/**
 * Statements find their rows by key, so one plan fits whatever the values are: planning a page of history anew takes
 * twice as long as reading it. A plan is kept for long, so one made while a table was small must not read all of it.
 * `?options=` in a connection string replaces these.
 */
const planSettings = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off";

export function createDatabase(options: DatabaseOptions, log: Log): Database {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    max: options.maxConnections,
    connectionTimeoutMillis: options.acquireTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    // The server's own statement timeout is the rule; this is for a server that no longer answers at all.
    query_timeout: options.statementTimeoutMs + 2_000,
    idle_in_transaction_session_timeout: options.statementTimeoutMs,
    application_name: options.applicationName,
    options: planSettings,
    keepAlive: true,
  });
  // A connection that breaks while somebody holds it tells them by the statement; without a listener it would end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  let closing = false;
  pool.on("error", (error) => {
    // Only what the error says: pg hangs the whole client on it.
    if (!closing) log.warn({ reason: error.message }, "an idle database connection broke");
  });

  const { telemetry = noTelemetry, applicationName, maxConnections } = options;
  const observe = createDatabaseObserver(telemetry, { pool, name: applicationName, maxConnections });

  return {
    ...queryable((config) => pool.query(config as never), observe),
    transaction: (work) => transaction(pool, observe, work),
    async withClient(work) {
      const client = await connect(pool);
      let failed = true;
      try {
        const result = await work(client);
        failed = false;
        return result;
      } finally {
        // What work left behind on a connection is unknown when it failed.
        client.release(failed);
      }
    },
    close() {
      closing = true;
      return pool.end();
    },
  };
}

type Run = (config: Record<string, unknown>) => Promise<{ rows: unknown[] }>;

function queryable(run: Run, observe: ObserveStatement): Queryable {
  const execute = async (statement: Statement, values: unknown[] = [], rowMode?: "array") => {
    const done = observe(statement.name);
    try {
      const config = { name: statement.name, text: statement.text, values };
      const { rows } = await run(rowMode ? { ...config, rowMode } : config);
      done(undefined);
      return rows;
    } catch (error) {
      done(error);
      throw toDatabaseFault(error);
    }
  };
  return {
    query: (statement, values) => execute(statement, values) as never,
    queryArrays: (statement, values) => execute(statement, values, "array") as never,
  };
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw toDatabaseFault(error);
  }
}

async function transaction<T>(
  pool: pg.Pool,
  observe: ObserveStatement,
  work: (tx: Queryable) => Promise<T>,
): Promise<T> {
  const client = await connect(pool);
  const tx = queryable((config) => client.query(config as never), observe);
  let broken = false;
  try {
    await tx.query(begin);
    const result = await work(tx);
    await tx.query(commit);
    return result;
  } catch (error) {
    await tx.query(rollback).catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

const begin = { name: "begin", text: "BEGIN" };
const commit = { name: "commit", text: "COMMIT" };
const rollback = { name: "rollback", text: "ROLLBACK" };

const readTime = { name: "read-time", text: "SELECT extract(epoch FROM clock_timestamp()) * 1000 AS ms" };

/** The database's time of day, in milliseconds since 1970. */
export async function readDatabaseTime(database: Queryable): Promise<number> {
  const [row] = await database.query<{ ms: string }>(readTime);
  return Number(row!.ms);
}

/** SQLSTATE of a failed statement, e.g. "23505"; undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  const source = error instanceof Error && error.cause instanceof pg.DatabaseError ? error.cause : error;
  return source instanceof pg.DatabaseError ? source.code : undefined;
}

/** Deadlock and serialisation failure: nothing was done, and the same statement may well succeed now. */
export function isTransient(error: unknown): boolean {
  const state = sqlState(error);
  return state === "40P01" || state === "40001";
}

/** Classes 08 (connection), 53 (resources: too many connections, disk full) and 57P (shutdown, crash). */
function isAway(state: string): boolean {
  return state.startsWith("08") || state.startsWith("53") || state.startsWith("57P");
}

const queryCanceled = "57014";

/** For errors that pg itself threw: those that are not the server's are about the connection (refused, reset, ended). */
function toDatabaseFault(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError)) return fault("unavailable", { cause: error });
  if (error.code === queryCanceled) return fault("timeout", { cause: error });
  return error.code && isAway(error.code) ? fault("unavailable", { cause: error }) : error;
}
