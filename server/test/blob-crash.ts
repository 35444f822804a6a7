/** Starts blob-process.ts, and kills it. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after } from "node:test";
import type { Database } from "#platform/database.ts";
import { until } from "./until.ts";

export interface BlobProcessOptions {
  databaseUrl: string;
  folder: string;
  userId: string;
  fate: "mid-object" | "before-row" | "before-answer" | "half-deleted" | "before-forget" | "busy";
}

/** What the process tells the database that it is. */
export const applicationName = "blob-process";

const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill("SIGKILL");
});

export function startBlobProcess(options: BlobProcessOptions): ChildProcess {
  const program = join(import.meta.dirname, "blob-process.ts");
  const child = fork(program, [JSON.stringify(options)], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  children.add(child);
  return child;
}

/** Once it has come as far as its fate says. */
export async function killedWhenReached(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit").then(() => ["nothing, and ended"]);
  const [message] = await Promise.race([once(child, "message"), exited]);
  if (message !== "reached") throw new Error(`the process said ${JSON.stringify(message)}`);
  await killedNow(child);
}

export async function killedNow(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

/** The database goes on with what it was told until it notices that the process has gone; locks end no sooner. */
export async function untilForgotten(database: Database): Promise<void> {
  const connections = {
    name: "test.connections-of-the-killed",
    text: `SELECT pid FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = '${applicationName}'`,
  };
  await until(
    "the killed process's connections have ended",
    async () => (await database.query(connections)).length === 0,
  );
}
