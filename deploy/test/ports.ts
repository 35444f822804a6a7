import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../scripts/pods/free-port.ts";

/** Ports that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

/** Waits until the check answers something else than undefined; errors count as not yet. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined>,
  withinMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await check().catch(() => undefined);
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await delay(50);
  }
}

/** Tests of root run servers as somebody else, as the containers do. */
export const unprivileged = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
