/** Starts blob-process.ts, and kills it. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after } from "node:test";

export interface BlobProcessOptions {
  databaseUrl: string;
  folder: string;
  userId: string;
  fate: "mid-object" | "before-row" | "before-answer" | "half-deleted" | "before-forget" | "busy";
}

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
