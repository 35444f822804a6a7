import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createDatabase, sqlState } from "#platform/database.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { createTestDatabase } from "#test/database.ts";
import { until } from "#test/until.ts";

const { database, url } = await createTestDatabase();
const log = createLog("silent");
const select = { name: "one", text: "SELECT 1" };

function open(connectionString: string, limits = {}) {
  const one = createDatabase(
    {
      connectionString,
      maxConnections: 1,
      acquireTimeoutMs: 300,
      statementTimeoutMs: 300,
      applicationName: "parley-test",
      ...limits,
    },
    log,
  );
  after(() => one.close());
  return one;
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "nothing was thrown",
    (error) => toPublicError(error).code,
  );

test("rolls back what a failed transaction did, and passes the error on as it is", async () => {
  await database.query({ name: "make", text: "CREATE TABLE t (x int PRIMARY KEY)" });
  const refused = fault("forbidden");
  const work = database.transaction(async (tx) => {
    await tx.query({ name: "put", text: "INSERT INTO t VALUES (1)" });
    throw refused;
  });
  await assert.rejects(work, (error) => error === refused);
  assert.deepEqual(await database.query({ name: "all", text: "SELECT * FROM t" }), []);
});

test("tells a statement's own error by its SQLSTATE", async () => {
  const twice = { name: "twice", text: "INSERT INTO t VALUES (2), (2)" };
  await assert.rejects(database.query(twice), (error) => sqlState(error) === "23505");
});

test("a server that cannot be reached is unavailable", async () => {
  const away = open("postgres://parley:x@127.0.0.1:1/parley");
  assert.equal(await codeOf(away.query(select)), "unavailable");
  assert.equal(await codeOf(away.transaction(async () => 1)), "unavailable");
});

test("a statement that takes too long times out", async () => {
  const one = open(url, { acquireTimeoutMs: 10_000 });
  assert.equal(await codeOf(one.query({ name: "slow", text: "SELECT pg_sleep(60)" })), "timeout");
});

test("a caller that gets no connection in time is told so", async () => {
  const one = open(url, { statementTimeoutMs: 5_000 });
  await until("it has a connection", async () => (await codeOf(one.query(select))) !== "unavailable");
  let release = () => {};
  const held = one.withClient(() => new Promise<void>((resolve) => (release = resolve)));
  assert.equal(await codeOf(one.query(select)), "unavailable");
  release();
  await held;
});

test("a connection that the server ended is replaced", async () => {
  const one = open(url, { acquireTimeoutMs: 10_000, statementTimeoutMs: 10_000 });
  const pid = { name: "pid", text: "SELECT pg_backend_pid() AS pid" };
  const [before] = await one.query<{ pid: number }>(pid);
  await database.query({ name: "end", text: "SELECT pg_terminate_backend($1)" }, [before!.pid]);
  await until("it has another one", async () => {
    const [now] = await one.query<{ pid: number }>(pid).catch(() => []);
    return now !== undefined && now.pid !== before!.pid;
  });
});
