/** Processor time of several processes side by side, for figures that more than one stands behind. */
import { measureProcessorUse } from "./processor-use.ts";

/** Process ids by what people call them. */
export type NamedProcesses = Readonly<Record<string, number>>;

/** Milliseconds of each, its descendants included. Empty where it cannot be read. */
export type ProcessesUse = Record<string, number>;

/** Starts counting; the function returned gives the time since. */
export async function measureProcesses(processes: NamedProcesses): Promise<() => Promise<ProcessesUse>> {
  const started = await Promise.all(
    Object.entries(processes).map(async ([name, pid]) => ({ name, read: await measureProcessorUse(pid) })),
  );
  return async () => {
    const use: ProcessesUse = {};
    for (const { name, read } of started) {
      const used = await read();
      if (used) use[name] = used.ownMs + used.descendantsMs;
    }
    return use;
  };
}

export function addUse(total: ProcessesUse, more: ProcessesUse): void {
  for (const [name, ms] of Object.entries(more)) total[name] = (total[name] ?? 0) + ms;
}

/** For people: "gateway 120 µs, messenger 80 µs". */
export function useText(use: ProcessesUse, count: number): string {
  return Object.entries(use)
    .map(([name, ms]) => `${name} ${Math.round((ms * 1_000) / Math.max(1, count))} µs`)
    .join(", ");
}
