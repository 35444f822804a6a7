/** How PostgreSQL goes about what Parley asks of it: auto_explain, switched on for single requests. */
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

/** Holds for connections that are made from now on. */
export async function prepareExplain(client: pg.Client): Promise<void> {
  await client.query("ALTER SYSTEM SET session_preload_libraries = 'auto_explain'");
  await client.query("ALTER SYSTEM SET auto_explain.log_analyze = on");
  await client.query("ALTER SYSTEM SET auto_explain.log_nested_statements = off");
  await client.query("ALTER SYSTEM SET auto_explain.log_min_duration = -1");
  await client.query("SELECT pg_reload_conf()");
}

const settleMs = 300;

/** The plans of all statements that name messenger.messages while `work` runs; the longest last. */
export async function explain(
  { client, logPath }: { client: pg.Client; logPath: string },
  work: () => Promise<unknown>,
): Promise<string[]> {
  const log = await open(logPath);
  try {
    const { size } = await log.stat();
    await setMinDuration(client, 0);
    await work();
    await setMinDuration(client, -1);
    const length = (await log.stat()).size - size;
    const { buffer } = await log.read({ buffer: Buffer.alloc(length), position: size });
    return plansIn(buffer.toString());
  } finally {
    await log.close();
  }
}

async function setMinDuration(client: pg.Client, milliseconds: number): Promise<void> {
  await client.query(`ALTER SYSTEM SET auto_explain.log_min_duration = ${milliseconds}`);
  await client.query("SELECT pg_reload_conf()");
  await sleep(settleMs);
}

const entry = /^\S+ \S+ \S+ \[\d+\] (?:\S+ )?LOG:\s+duration: ([\d.]+) ms\s+plan:\n((?:\t.*\n?)*)/gm;

function plansIn(log: string): string[] {
  return [...log.matchAll(entry)]
    .map(([, ms, plan]) => ({ ms: Number(ms), plan: plan!.replace(/^\t/gm, "").trimEnd() }))
    .filter(({ plan }) => /\bmessenger\.messages\b|\bon messages\b/.test(plan))
    .sort((a, b) => a.ms - b.ms)
    .map(({ ms, plan }) => `${ms} ms\n${plan}`);
}
