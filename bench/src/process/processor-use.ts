/** How much processor time the processes of a run take, so that a figure can be seen beside its cost. Linux only. */
import { readdir, readFile } from "node:fs/promises";

export interface ProcessorUse {
  /** Of the process itself. */
  ownMs: number;
  /** Of its descendants: for Parley, of its PostgreSQL. */
  descendantsMs: number;
}

/** USER_HZ, which is 100 on every architecture that Node runs on. */
export const tickMs = 10;

/** Starts counting; the function returned gives the time since. Undefined where there is no /proc. */
export async function measureProcessorUse(pid: number): Promise<() => Promise<ProcessorUse | undefined>> {
  const before = await readUse(pid).catch(() => undefined);
  return async () => {
    const after = await readUse(pid).catch(() => undefined);
    if (!before || !after) return undefined;
    return {
      ownMs: after.ownMs - before.ownMs,
      descendantsMs: after.descendantsMs - before.descendantsMs,
    };
  };
}

interface ProcessStat {
  pid: number;
  parent: number;
  ms: number;
  /** Of children that have ended: a database connection that was closed must not take its time along. */
  endedMs: number;
}

async function readUse(pid: number): Promise<ProcessorUse> {
  const all = await readAllStats();
  const own = all.find((one) => one.pid === pid);
  if (!own) throw new Error(`no process ${pid}`);
  let descendantsMs = own.endedMs;
  let parents = new Set([pid]);
  while (parents.size > 0) {
    const children = all.filter(({ parent }) => parents.has(parent));
    for (const { ms, endedMs } of children) descendantsMs += ms + endedMs;
    parents = new Set(children.map((child) => child.pid));
  }
  return { ownMs: own.ms, descendantsMs };
}

async function readAllStats(): Promise<ProcessStat[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map(readStat));
  return stats.filter((stat) => stat !== undefined);
}

async function readStat(pid: string): Promise<ProcessStat | undefined> {
  // A process may end between being listed and being read.
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (!text) return undefined;
  // The name, in parentheses, may hold anything; the fields after it are counted from the state, field 3 of proc(5).
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (number: number) => Number(fields[number - 3]);
  // utime and stime, cutime and cstime.
  const [ms, endedMs] = [(field(14) + field(15)) * tickMs, (field(16) + field(17)) * tickMs];
  return { pid: Number(pid), parent: field(4), ms, endedMs };
}
