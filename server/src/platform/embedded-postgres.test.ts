import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataDirInUseError } from "./data-dir-lock.ts";
import { readPostmasterFile } from "./embedded-postgres/leftovers.ts";
import { sendSignal } from "./embedded-postgres/processes.ts";
import { waitUntil } from "./embedded-postgres/shutdown.ts";
import {
  asRoot,
  copyDataDir,
  createTests,
  DEADLINE_MS,
  kill,
  postmasterPid,
  query,
  start,
  startOwner,
  withPostgres,
} from "./embedded-postgres/testing.ts";

const { testNew, testOnCopy } = createTests();

testNew(
  "sets up a durable cluster with checksums, a private password and a role that is no superuser",
  async (dataDir) => {
    await withPostgres(dataDir, async (postgres) => {
      for (const setting of ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"]) {
        assert.deepEqual(await query(postgres, `SHOW ${setting}`), ["on"], setting);
      }
      assert.deepEqual(await query(postgres, "SHOW listen_addresses"), [""]);
      assert.deepEqual(await query(postgres, "SHOW is_superuser"), ["off"]);
      const { mode } = await stat(join(dataDir, "postgres-password"));
      assert.equal(mode & 0o777, 0o600);
      const wrong = postgres.connectionString.replace(/:[^:@]+@/, ":wrong@");
      await assert.rejects(
        query({ ...postgres, connectionString: wrong }, "SELECT 1"),
        /password authentication/,
      );
    });
  },
);

testOnCopy("searches by trigrams in any script", async (dataDir) => {
  await withPostgres(dataDir, async (postgres) => {
    await query(postgres, "CREATE EXTENSION pg_trgm");
    assert.deepEqual(await query(postgres, "SELECT 'Привет, мир' ILIKE '%ПРИВЕТ%'"), [true]);
    assert.deepEqual(await query(postgres, "SELECT cardinality(show_trgm('Привет'))"), [7]);
  });
});

testOnCopy("finds its data again after a restart", async (dataDir) => {
  await withPostgres(dataDir, async (postgres) => {
    await query(postgres, "CREATE TABLE notes AS SELECT 1 AS id");
  });
  await withPostgres(dataDir, async (postgres) => {
    assert.deepEqual(await query(postgres, "SELECT id FROM notes"), [1]);
    assert.deepEqual(await query(postgres, "SELECT word FROM kept"), ["from the template"]);
  });
});

testOnCopy("leaves nothing running after stop", async (dataDir) => {
  const postgres = await start(dataDir);
  const pid = await postmasterPid(dataDir);
  await Promise.all([postgres.stop(), postgres.stop()]);
  assert.equal(sendSignal(pid, 0), false);
  assert.deepEqual((await readdir(dataDir)).sort(), [
    "parley.lock",
    "postgres",
    "postgres-password",
    "postgres.log",
  ]);
});

testOnCopy(
  "uses a short socket directory when the path is too long for a socket, and removes it",
  async (setUpDir) => {
    const dataDir = join(setUpDir, "..", "deep".repeat(20), "data");
    await mkdir(join(dataDir, ".."), { recursive: true });
    copyDataDir(setUpDir, dataDir);
    const postgres = await start(dataDir);
    const socketDir = new URL(postgres.connectionString.replace("@/", "@base/")).searchParams.get("host")!;
    assert.match(socketDir, /^\/tmp\//);
    assert.deepEqual(await query(postgres, "SELECT 1"), [1]);
    await postgres.stop();
    await assert.rejects(stat(socketDir), { code: "ENOENT" });
  },
);

testNew(
  "as root in a closed folder, runs as another user with one capability at the most",
  async (dataDir) => {
    const closedFolder = join(dataDir, "..");
    assert.equal((await stat(closedFolder)).mode & 0o777, 0o700);
    await withPostgres(dataDir, async () => {
      assert.notEqual((await stat(join(dataDir, "postgres"))).uid, 0);
      if (process.platform !== "linux") return;
      const status = await readFile(`/proc/${await postmasterPid(dataDir)}/status`, "utf8");
      assert.doesNotMatch(status, /^Uid:\s+0\s/m);
      // CAP_DAC_READ_SEARCH or CAP_DAC_OVERRIDE
      assert.match(status, /^CapEff:\s+0+[42]$/m);
    });
    assert.equal((await stat(closedFolder)).mode & 0o777, 0o700);
  },
  asRoot,
);

testOnCopy("is not shut down by a Ctrl-C, which goes to all processes of a terminal", async (dataDir) => {
  const { owner, connectionString } = await startOwner(dataDir);
  process.kill(-owner.pid!, "SIGINT");
  const [line] = await once(owner.stdout!, "data");
  assert.equal(String(line), "interrupted\n");
  assert.deepEqual(await query({ connectionString }, "SELECT 1"), [1]);
  await kill(owner, "SIGTERM");
});

testOnCopy("refuses a data directory that another live Parley uses, and names it", async (dataDir) => {
  const { owner, connectionString } = await startOwner(dataDir);
  const pid = await postmasterPid(dataDir);
  await assert.rejects(start(dataDir), (error: Error) => {
    assert.ok(error instanceof DataDirInUseError);
    assert.equal(error.pid, owner.pid);
    assert.match(error.message, new RegExp(`pid ${owner.pid}\\b.*${dataDir}`));
    return true;
  });
  assert.equal(await postmasterPid(dataDir), pid);
  assert.deepEqual(await query({ connectionString }, "SELECT 1"), [1]);
  await kill(owner, "SIGTERM");
  assert.equal(sendSignal(pid, 0), false);
});

testOnCopy(
  "says what PostgreSQL's log says when it does not start, and frees the data directory",
  async (dataDir) => {
    const configuration = join(dataDir, "postgres", "postgresql.conf");
    const before = await readFile(configuration);
    await appendFile(configuration, "\nno_such_setting = 1\n");
    await assert.rejects(start(dataDir), /no_such_setting/);
    await writeFile(configuration, before);
    await withPostgres(dataDir, async () => {});
  },
);

testOnCopy("leaves nothing behind when the start is given up", async (dataDir) => {
  const controller = new AbortController();
  const starting = start(dataDir, { signal: controller.signal });
  const exists = async () => (await readPostmasterFile(join(dataDir, "postgres"))) !== undefined;
  assert.ok(await waitUntil(exists, DEADLINE_MS));
  controller.abort(new Error("given up"));
  await assert.rejects(starting, /given up/);
  assert.equal(await readPostmasterFile(join(dataDir, "postgres")), undefined);
});
