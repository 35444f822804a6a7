/** What the tests of the embedded PostgreSQL share. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestOptions, test } from "node:test";
import pg from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../embedded-postgres.ts";
import { readPostmasterFile } from "./leftovers.ts";

export const DEADLINE_MS = 30_000;
export const ownerScript = join(import.meta.dirname, "owner-process.ts");
export const isRoot = process.getuid?.() === 0;

/** For the options of a test: only root has to run PostgreSQL as somebody else. */
export const asRoot = { skip: isRoot ? false : "needs root" };

type Body = (dataDir: string) => Promise<void>;
type TestParameters = [name: string, body: Body, options?: TestOptions];

/**
 * Registers tests that each have a data directory of their own: one that does not exist yet, or a copy of one that was set up once,
 * which is faster than initdb. It stays for inspection when the test fails.
 */
export function createTests() {
  let folder = "";
  let template = "";
  let failed = false;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "parley-embedded-"));
    template = join(folder, "template");
    await withPostgres(template, async (postgres) => {
      await query(postgres, "CREATE TABLE kept AS SELECT 'from the template' AS word");
    });
  });
  after(async () => {
    if (!failed) await rm(folder, { recursive: true });
  });

  function testIn(setUp: (dataDir: string) => void, name: string, body: Body, options: TestOptions = {}) {
    test(name, { timeout: 2 * DEADLINE_MS, ...options }, async (t) => {
      const dataDir = join(await mkdtemp(join(folder, "test-")), "data");
      try {
        setUp(dataDir);
        await body(dataDir);
      } catch (error) {
        failed = true;
        t.diagnostic(`kept for inspection: ${dataDir}`);
        throw error;
      }
    });
  }

  return {
    testNew: (...parameters: TestParameters) => testIn(() => {}, ...parameters),
    testOnCopy: (...parameters: TestParameters) => testIn((to) => copyDataDir(template, to), ...parameters),
  };
}

export function copyDataDir(from: string, to: string): void {
  execFileSync("cp", ["-a", from, to]);
}

type StartOptions = Partial<Parameters<typeof startEmbeddedPostgres>[0]>;

export function start(dataDir: string, options: StartOptions = {}): Promise<EmbeddedPostgres> {
  const ignore = () => {};
  return startEmbeddedPostgres({ dataDir, log: { info: ignore, warn: ignore, error: ignore }, ...options });
}

export async function withPostgres(
  dataDir: string,
  work: (postgres: EmbeddedPostgres) => Promise<void>,
): Promise<void> {
  const postgres = await start(dataDir);
  try {
    await work(postgres);
  } finally {
    await postgres.stop();
  }
}

/** The first column of the rows. */
export async function query(
  { connectionString }: { connectionString: string },
  sql: string,
): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: "array" })).rows.map((row) => row[0]);
  } finally {
    await client.end();
  }
}

export async function postmasterPid(dataDir: string): Promise<number> {
  return (await readPostmasterFile(join(dataDir, "postgres")))?.pid ?? 0;
}

export async function startOwner(
  dataDir: string,
): Promise<{ owner: ChildProcess; connectionString: string }> {
  const owner = spawn(process.execPath, [ownerScript, dataDir], {
    stdio: ["ignore", "pipe", "inherit"],
    // A process group of its own, as a shell gives to what it runs.
    detached: true,
  });
  // When the test fails, it does not stay behind.
  process.once("exit", () => owner.kill("SIGTERM"));
  const [line] = await once(owner.stdout!, "data");
  return { owner, connectionString: String(line).trim() };
}

export async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = once(child, "exit");
  child.kill(signal);
  await exit;
}
