/**
 * For tests: a process that owns an embedded PostgreSQL, so that it can be killed. Its argument is the data directory; it prints
 * the connection string once it is ready. SIGTERM stops it.
 */
import { startEmbeddedPostgres } from "../embedded-postgres.ts";

const ignore = () => {};
const postgres = await startEmbeddedPostgres({
  dataDir: process.argv[2]!,
  log: { info: ignore, warn: ignore, error: ignore },
});
process.on("SIGINT", () => process.stdout.write("interrupted\n"));
process.once("SIGTERM", () => void postgres.stop());
process.stdout.write(`${postgres.connectionString}\n`);
