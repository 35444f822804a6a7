/** How busy the machine was with other things while the bench ran: then the figures are too low. Linux only. */
import { readFile } from "node:fs/promises";
import { tickMs } from "./processor-use.ts";

/** Starts watching; the function returned gives the cores that others took since. All own processes must have ended. */
export async function watchOtherLoad(): Promise<() => Promise<number | undefined>> {
  const before = await readBusyMs().catch(() => undefined);
  const startedAt = performance.now();
  return async () => {
    const after = await readBusyMs().catch(() => undefined);
    if (!before || !after) return undefined;
    const others = after.machine - before.machine - (after.own - before.own);
    return Math.max(0, others / (performance.now() - startedAt));
  };
}

async function readBusyMs(): Promise<{ machine: number; own: number }> {
  const machine = (await readFile("/proc/stat", "utf8")).split("\n", 1)[0] ?? "";
  // proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal. Interrupts belong to nobody: the load's own
  // packets cause them too.
  const [user, nice, system, , , , , steal] = numbers(machine.replace(/^cpu +/, ""));
  const self = await readFile("/proc/self/stat", "utf8");
  // proc_pid_stat(5): from the state, field 3, after the name; utime to cstime, which holds ended children, are 14 to 17.
  const own = numbers(self.slice(self.lastIndexOf(")") + 2)).slice(14 - 3, 18 - 3);
  return { machine: sum([user!, nice!, system!, steal!]) * tickMs, own: sum(own) * tickMs };
}

const numbers = (text: string) => text.split(" ").map(Number);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
