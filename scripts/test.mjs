/**
 * Runs every test that this machine can run, on a PostgreSQL of its own or on the one that
 * PARLEY_TEST_DATABASE_URL (or DATABASE_URL) names, and says loudly what could not be run.
 *
 * Usage: npm test [-- <test files or name patterns of node --test>]
 *
 * Without any of these, the tests of a whole Parley run twice: with all roles in one process, and with the roles apart
 * (PARLEY_TEST_SHAPE=split). Both must pass.
 */
import { spawn } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingTools, neverRun } from "../deploy/test/tools.ts";
import { startEmbeddedPostgres } from "../server/src/platform/embedded-postgres.ts";
import { createLog } from "../server/src/platform/log.ts";
import { withoutAzure } from "../server/test/azure-server.ts";
import { findChromium } from "../server/test/chromium.ts";
import { withoutRabbitMq } from "../server/test/rabbitmq-server.ts";
import { withoutRedis } from "../server/test/redis-server.ts";
import { withoutS3 } from "../server/test/s3-server.ts";
import { withoutSmallDisk } from "../server/test/small-disk.ts";

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
if (withoutRedis)
  missing.push(`tests of several pods, and of the whole with the roles apart: ${withoutRedis}`);
if (withoutRabbitMq) missing.push(`tests of jobs that RabbitMQ carries: ${withoutRabbitMq}`);
if (withoutS3) missing.push(`tests of blobs in S3: ${withoutS3}`);
if (withoutAzure) missing.push(`tests of blobs in Azure: ${withoutAzure}`);
if (withoutSmallDisk) missing.push(`tests of a full disk: ${withoutSmallDisk}`);

const asked = process.argv.slice(2);
const runsBothShapes = asked.length === 0 && !process.env.PARLEY_TEST_SHAPE && !withoutRedis;
let isInterrupted = false;
let exitCode = await runTests(asked, {});
if (runsBothShapes && !isInterrupted) {
  console.log("\nOnce more, with the roles apart:\n");
  exitCode = (await runTests(filesForBothShapes(), { PARLEY_TEST_SHAPE: "split" })) || exitCode;
}
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

/** Those of a whole Parley, but for those that start processes of their own and decide about their roles. */
function filesForBothShapes() {
  const ownProcesses = ["crash", "lifecycle", "trouble", "web"].map((name) => `server/test/${name}.test.ts`);
  return globSync("server/test/*.test.ts")
    .filter((file) => !ownProcesses.includes(file) && readFileSync(file, "utf8").includes("startParley("))
    .sort();
}

function runTests(asked, settings) {
  const patterns = asked.filter((argument) => !argument.startsWith("-"));
  for (const pattern of patterns.filter((pattern) => globSync(pattern).length === 0)) {
    console.error(`No test file matches ${pattern}`);
    return Promise.resolve(2);
  }
  const files = patterns.length > 0 ? asked : [...asked, ...allTests];
  const environment = { ...process.env, ...settings, PARLEY_TEST_DATABASE_URL: given || own.url };
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
  for (const name of ["SIGINT", "SIGTERM"]) {
    process.on(name, () => {
      isInterrupted = true;
      child.kill(name);
    });
  }
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}
