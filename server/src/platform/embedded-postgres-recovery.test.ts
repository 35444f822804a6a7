import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { readPostmasterFile } from "./embedded-postgres/leftovers.ts";
import { clusterNameOf, findClusterProcesses, sendSignal } from "./embedded-postgres/processes.ts";
import { waitUntil } from "./embedded-postgres/shutdown.ts";
import {
  asRoot,
  createTests,
  DEADLINE_MS,
  isRoot,
  kill,
  ownerScript,
  postmasterPid,
  query,
  start,
  startOwner,
  withPostgres,
} from "./embedded-postgres/testing.ts";

const { testNew, testOnCopy } = createTests();

testOnCopy("stops the orphan of a killed Parley and starts anew with its data", async (dataDir) => {
  const { owner, connectionString } = await startOwner(dataDir);
  await query({ connectionString }, "CREATE TABLE acknowledged AS SELECT 1 AS id");
  const orphan = await postmasterPid(dataDir);
  await kill(owner, "SIGKILL");
  assert.equal(sendSignal(orphan, 0), true);

  await withPostgres(dataDir, async (postgres) => {
    const { postmaster } = await findClusterProcesses(await clusterNameOf(dataDir));
    assert.notEqual(postmaster, orphan);
    assert.equal(postmaster, await postmasterPid(dataDir));
    assert.deepEqual(await query(postgres, "SELECT id FROM acknowledged"), [1]);
  });
});

testOnCopy("recovers when Parley and PostgreSQL were killed together", async (dataDir) => {
  const { owner, connectionString } = await startOwner(dataDir);
  await query({ connectionString }, "CREATE TABLE acknowledged AS SELECT 1 AS id");
  const pid = await postmasterPid(dataDir);
  await kill(owner, "SIGKILL");
  process.kill(pid, "SIGKILL");

  await withPostgres(dataDir, async (postgres) => {
    assert.deepEqual(await query(postgres, "SELECT id FROM acknowledged"), [1]);
  });
});

testOnCopy(
  "takes no stranger for its server when the pid in postmaster.pid was given away",
  async (dataDir) => {
    const cluster = await stat(join(dataDir, "postgres"));
    const account = isRoot ? { uid: cluster.uid, gid: cluster.gid } : {};
    const stranger = spawn("sleep", ["600"], { ...account, stdio: "ignore" });
    const clusterDir = join(dataDir, "postgres");
    const content = `${stranger.pid}\n${clusterDir}\n1700000000\n5432\n${clusterDir}\n\n  1 2\nready   \n`;
    await writeFile(join(clusterDir, "postmaster.pid"), content);
    await writeFile(join(clusterDir, ".s.PGSQL.5432.lock"), content);
    await withPostgres(dataDir, async (postgres) => {
      assert.deepEqual(await query(postgres, "SELECT 1"), [1]);
      assert.equal(stranger.exitCode ?? stranger.signalCode, null);
    });
    await kill(stranger, "SIGKILL");
  },
);

testOnCopy("recovers from an empty postmaster.pid, as a full disk leaves it", async (dataDir) => {
  await writeFile(join(dataDir, "postgres", "postmaster.pid"), "");
  await withPostgres(dataDir, async (postgres) => {
    assert.deepEqual(await query(postgres, "SELECT 1"), [1]);
  });
});

testOnCopy(
  "restarts a killed server at the same address, past its busy children, and pools reconnect",
  async (dataDir) => {
    const exits: string[] = [];
    const postgres = await start(dataDir, { onExit: (reason) => exits.push(reason) });
    const pool = new pg.Pool({ connectionString: postgres.connectionString });
    pool.on("error", () => {});
    await pool.query("CREATE TABLE acknowledged AS SELECT 1 AS id");
    // Does not look up from its work, so it does not notice either that its server is gone.
    const busy = pool.query("SELECT count(*) FROM generate_series(1, 1e12)").catch((error: Error) => error);
    const isBusy = async () =>
      (
        await pool.query(
          "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%1e12%' AND pid <> pg_backend_pid()",
        )
      ).rowCount === 1;
    assert.ok(await waitUntil(isBusy, DEADLINE_MS));

    const killed = await postmasterPid(dataDir);
    process.kill(killed, "SIGKILL");
    const answers = async () => {
      const result = await pool.query("SELECT id FROM acknowledged").catch(() => undefined);
      return result?.rows[0]?.id === 1 && (await postmasterPid(dataDir)) !== killed;
    };
    assert.ok(await waitUntil(answers, DEADLINE_MS));
    assert.ok((await busy) instanceof Error);
    assert.deepEqual(exits, ["killed by SIGKILL"]);
    await pool.end();
    await postgres.stop();
  },
);

testOnCopy("stops for good while it is restarting", async (dataDir) => {
  let exited = () => {};
  const exit = new Promise<void>((resolve) => {
    exited = resolve;
  });
  const postgres = await start(dataDir, { onExit: () => exited() });
  const killed = await postmasterPid(dataDir);
  process.kill(killed, "SIGKILL");
  await exit;
  await postgres.stop();
  const current = await readPostmasterFile(join(dataDir, "postgres"));
  assert.ok(current === undefined || !sendSignal(current.pid!, 0));
  await withPostgres(dataDir, async () => {});
});

testOnCopy("survives the death of a single backend without a restart of the server", async (dataDir) => {
  await withPostgres(dataDir, async (postgres) => {
    const pid = await postmasterPid(dataDir);
    const pool = new pg.Pool({ connectionString: postgres.connectionString });
    pool.on("error", () => {});
    const [backend] = (await pool.query("SELECT pg_backend_pid() AS pid")).rows;
    process.kill(backend.pid, "SIGKILL");
    const answers = async () => (await pool.query("SELECT 1").catch(() => undefined))?.rowCount === 1;
    assert.ok(await waitUntil(answers, DEADLINE_MS));
    assert.equal(await postmasterPid(dataDir), pid);
    await pool.end();
  });
});

/** Answers whether it was still setting up when it was killed: where this process stands still, it is through by then. */
async function killedHalfway(dataDir: string): Promise<boolean> {
  const owner = spawn(process.execPath, [ownerScript, dataDir], { stdio: "ignore" });
  const halfDone = async () => {
    const names: string[] = await readdir(dataDir).catch(() => []);
    const unfinished = names.find((name) => name.startsWith("postgres.unfinished-"));
    const files = unfinished ? await readdir(join(dataDir, unfinished)).catch(() => []) : [];
    return names.includes("postgres") || files.length > 3;
  };
  assert.ok(await waitUntil(halfDone, DEADLINE_MS));
  await kill(owner, "SIGKILL");
  const isThrough = (await readdir(dataDir)).includes("postgres");
  // It may have left a server.
  if (isThrough) await withPostgres(dataDir, async () => {});
  return !isThrough;
}

testNew("starts afresh after it was killed in the middle of setting up", async (folder) => {
  let dataDir = folder;
  for (let attempt = 1; !(await killedHalfway(dataDir)); attempt++) dataDir = `${folder}-${attempt}`;

  await withPostgres(dataDir, async (postgres) => {
    assert.deepEqual(await query(postgres, "SELECT 1"), [1]);
  });
  // The killed process's initdb may go on for a moment; what it writes is removed by a later start.
  const isClean = async () => {
    await withPostgres(dataDir, async () => {});
    return (await readdir(dataDir)).every((name) => !name.includes("unfinished"));
  };
  assert.ok(await waitUntil(isClean, DEADLINE_MS));
});

testOnCopy("sets a new password when the file with it was lost", async (dataDir) => {
  await rm(join(dataDir, "postgres-password"));
  await withPostgres(dataDir, async (postgres) => {
    assert.deepEqual(await query(postgres, "SELECT word FROM kept"), ["from the template"]);
  });
});

testOnCopy(
  "takes over a cluster that root has copied",
  async (dataDir) => {
    execFileSync("chown", ["-R", "0:0", dataDir]);
    await withPostgres(dataDir, async (postgres) => {
      assert.deepEqual(await query(postgres, "SELECT word FROM kept"), ["from the template"]);
    });
    assert.notEqual((await stat(join(dataDir, "postgres"))).uid, 0);
  },
  asRoot,
);
