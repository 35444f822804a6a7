/**
 * Brings this folder into a state in which Parley runs: npm dependencies and, with --web, the web client. It does nothing,
 * and says nothing, when that is so already. Plain JavaScript without dependencies, for the Node the machine happens to have.
 *
 * Usage: node scripts/setup.mjs [--web]
 */
import { exclusively } from "./setup/exclusively.mjs";
import { install, isInstalled } from "./setup/install.mjs";
import { SetupError } from "./setup/run.mjs";
import { buildWeb, isWebBuilt } from "./setup/web.mjs";

const OLDEST_NODE = 18;

async function setUp(options) {
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
    throw new SetupError(
      `Parley needs Node ${OLDEST_NODE} or newer to set itself up; this is ${process.version}.`,
    );
  }
  if (!isInstalled()) await exclusively(async () => isInstalled() || (await install()));
  if (options.web && !isWebBuilt()) await exclusively(async () => isWebBuilt() || (await buildWeb()));
}

try {
  await setUp({ web: process.argv.includes("--web") });
} catch (error) {
  console.error(error instanceof SetupError ? `\n${error.message}\n` : error);
  process.exitCode = 1;
}
