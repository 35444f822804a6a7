/**
 * Runs every test that this machine can run, on a PostgreSQL of its own or on the one that
 * PARLEY_TEST_DATABASE_URL (or DATABASE_URL) names, and says loudly what could not be run.
 *
 * Usage: npm test [-- <test files or name patterns of node --test>]
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingTools, neverRun } from "../deploy/test/tools.ts";
import { startEmbeddedPostgres } from "../server/src/platform/embedded-postgres.ts";
import { createLog } from "../server/src/platform/log.ts";
import { findChromium } from "../server/test/chromium.ts";
import { withoutRedis } from "../server/test/redis-server.ts";

const allTests = ["api", "server", "client", "web", "bench", "deploy"].map(
  (folder) => `${folder}/**/*.test.ts`,
);

const given = process.env.PARLEY_TEST_DATABASE_URL || process.env.DATABASE_URL;
const own = given ? undefined : await startOwnDatabase();
const missing = [];
if (!findChromium()) {
  missing.push("browser tests: no Chromium found; install one, or name it in PARLEY_TEST_CHROMIUM");
}
missing.push(...missingTools());
if (withoutRedis) missing.push(`tests of several pods: ${withoutRedis}`);

const exitCode = await runTests(given || own.url);
await own?.stop();

for (const line of missing) console.error(`\n!!! NOT RUN: ${line}`);
for (const line of neverRun) console.error(`\n!!! NOT RUN, here or anywhere: ${line}`);
const incomplete = missing.length > 0 && process.env.CI;
if (incomplete) console.error("!!! In CI everything must run: failed.");
process.exitCode = exitCode || (incomplete ? 1 : 0);

async function startOwnDatabase() {
  const dataDir = await mkdtemp(join(tmpdir(), "parley-test-"));
  const postgres = await startEmbeddedPostgres({ dataDir, log: createLog("error") });
  return {
    url: postgres.connectionString,
    stop: async () => {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function runTests(databaseUrl) {
  const asked = process.argv.slice(2);
  const patterns = asked.filter((argument) => !argument.startsWith("-"));
  for (const pattern of patterns.filter((pattern) => globSync(pattern).length === 0)) {
    console.error(`No test file matches ${pattern}`);
    return Promise.resolve(2);
  }
  const files = patterns.length > 0 ? asked : [...asked, ...allTests];
  const environment = { ...process.env, PARLEY_TEST_DATABASE_URL: databaseUrl };
  // Settings of the person who runs the tests must not reach the Parleys under test.
  delete environment.DATABASE_URL;
  const child = spawn(
    process.execPath,
    ["--test", "--test-timeout=180000", "--test-concurrency=2", ...files],
    {
      stdio: "inherit",
      env: environment,
    },
  );
  for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => child.kill(name));
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}
