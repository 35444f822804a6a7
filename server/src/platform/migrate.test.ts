import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createDatabase } from "#platform/database.ts";
import { createLog } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import { createTestDatabase } from "#test/database.ts";

const { database, url } = await createTestDatabase();
const log = createLog("silent");
const folder = await mkdtemp(join(tmpdir(), "parley-migrations-"));
after(() => rm(folder, { recursive: true }));

const count = async () =>
  (
    await database.query<{ n: number }>({ name: "count-t", text: "SELECT count(*)::int AS n FROM demo.t" })
  )[0]!.n;

test("applies each file once, in order, also when many pods start at once", async () => {
  await writeFile(join(folder, "0001-table.sql"), "CREATE TABLE demo.t (x int)");
  await writeFile(join(folder, "0002-row.sql"), "INSERT INTO demo.t VALUES (1)");
  await Promise.all(Array.from({ length: 5 }, () => migrate(database, "demo", folder, log)));
  assert.equal(await count(), 1);
  await writeFile(join(folder, "0003-row.sql"), "INSERT INTO demo.t VALUES (2)");
  await migrate(database, "demo", folder, log);
  assert.equal(await count(), 2);
});

test("waits for another pod's migration, for longer than a statement may take", async () => {
  const hasty = createDatabase(
    {
      connectionString: url,
      maxConnections: 1,
      acquireTimeoutMs: 30_000,
      statementTimeoutMs: 100,
      applicationName: "parley-test",
    },
    log,
  );
  after(() => hasty.close());
  // A migration that outlasts both the statement timeout and the pool's own limit of 2 s more.
  await writeFile(join(folder, "0004-slow.sql"), "SELECT pg_sleep(2.5)");
  await Promise.all([migrate(hasty, "demo", folder, log), migrate(database, "demo", folder, log)]);
});

test("a file that fails changes nothing and stops the start", async () => {
  await writeFile(join(folder, "0005-broken.sql"), "INSERT INTO demo.t VALUES (3); SELECT 1/0");
  await assert.rejects(migrate(database, "demo", folder, log), /division by zero/);
  assert.equal(await count(), 2);
  await rm(join(folder, "0005-broken.sql"));
});

test("refuses a file that was changed after it had been applied", async () => {
  await writeFile(join(folder, "0002-row.sql"), "INSERT INTO demo.t VALUES (9)");
  await assert.rejects(migrate(database, "demo", folder, log), /0002-row\.sql was changed/);
});
