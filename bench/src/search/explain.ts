/** How PostgreSQL goes about what Parley asks of it: its auto_explain, switched on for single requests. */
import { appendFile, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** To be called before the server starts: it holds for connections made after. */
export async function prepareExplain(dataDir: string): Promise<void> {
  const settings = [
    "session_preload_libraries = 'auto_explain'",
    "auto_explain.log_analyze = on",
    "auto_explain.log_min_duration = -1",
  ];
  await appendFile(settingsFile(dataDir), `${settings.join("\n")}\n`);
}

const settleMs = 300;

/** The plans of all statements about messages while `work` runs, the longest last. */
export async function explain(dataDir: string, work: () => Promise<unknown>): Promise<string[]> {
  const log = await open(join(dataDir, "postgres.log"));
  try {
    const { size } = await log.stat();
    await setMinDuration(dataDir, 0);
    await work();
    await setMinDuration(dataDir, -1);
    const length = (await log.stat()).size - size;
    if (length <= 0) return [];
    const { buffer } = await log.read({ buffer: Buffer.alloc(length), position: size });
    return plansIn(buffer.toString());
  } finally {
    await log.close();
  }
}

const settingsFile = (dataDir: string) => join(dataDir, "postgres", "postgresql.auto.conf");

/** Parley's own role is no superuser, which could set it by SQL. */
async function setMinDuration(dataDir: string, milliseconds: number): Promise<void> {
  await appendFile(settingsFile(dataDir), `auto_explain.log_min_duration = ${milliseconds}\n`);
  const [pid] = (await readFile(join(dataDir, "postgres", "postmaster.pid"), "utf8")).split("\n");
  process.kill(Number(pid), "SIGHUP");
  await sleep(settleMs);
}

const entry = /LOG:\s+duration: ([\d.]+) ms\s+plan:\n((?:\t.*\n?)*)/g;

function plansIn(log: string): string[] {
  return (
    [...log.matchAll(entry)]
      .map(([, ms, plan]) => ({ ms: Number(ms), plan: plan!.replace(/^\t/gm, "").trimEnd() }))
      // Those that look for messages; others fetch what was found.
      .filter(({ plan }) => /\bon messages\b/.test(plan) && !/ on given\b/.test(plan))
      .sort((a, b) => a.ms - b.ms)
      .map(({ ms, plan }) => `${ms} ms\n${shortened(plan)}`)
  );
}

/** The ids of two thousand chats say nothing. */
const shortened = (plan: string) =>
  plan.replace(/^Query Parameters:.*\n?/gm, "").replace(/'\{([0-9a-f-]{36}),[0-9a-f,-]*\}'/g, "'{$1,…}'");
