/** How much memory a process takes while something goes on. */
import { readFile } from "node:fs/promises";

const sampleEveryMs = 25;

/** In MB; undefined where there is no /proc. */
export async function residentMb(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
  return kb === undefined ? undefined : Number(kb) / 1_024;
}

/** Starts looking; the function returned gives the most there was. */
export function watchResidentMb(pid: number): () => number {
  let mostMb = 0;
  const timer = setInterval(async () => {
    mostMb = Math.max(mostMb, (await residentMb(pid)) ?? 0);
  }, sampleEveryMs);
  return () => {
    clearInterval(timer);
    return mostMb;
  };
}
