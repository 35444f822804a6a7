/** The PostgreSQL that Parley runs in its data directory, for a floor on the same server and disk. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";

const role = "parley";

export async function connectToDatabaseOf(dataDir: string): Promise<pg.Client> {
  const password = (await readFile(join(dataDir, "postgres-password"), "utf8")).trim();
  // Lines of the file: process id, data directory, start time, port, directory of the socket, …
  const pidFile = (await readFile(join(dataDir, "postgres", "postmaster.pid"), "utf8")).split("\n");
  const [port, host] = [Number(pidFile[3]), pidFile[4]!];
  const client = new pg.Client({ host, port, user: role, database: role, password, ssl: false });
  await client.connect();
  return client;
}
