/** What the figures were measured on. */
import { open, readFile, statfs, unlink } from "node:fs/promises";
import { arch, availableParallelism, cpus, platform, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { repeated } from "./statistics.ts";

export interface Machine {
  processor: string;
  cores: number;
  memoryGib: number;
  system: string;
  node: string;
  /** What a commit has to wait for, in the directory where the data of the run is. */
  fdatasyncUs: number;
  dataOnMemoryDisk: boolean;
}

const syncs = 50;
const blockBytes = 8_192;
/** TMPFS_MAGIC of statfs(2). */
const tmpfsMagic = 0x01021994;

export async function describeMachine(): Promise<Machine> {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
    fdatasyncUs: await measureFdatasync(),
    dataOnMemoryDisk: (await statfs(tmpdir())).type === tmpfsMagic,
  };
}

async function measureFdatasync(): Promise<number> {
  const path = join(tmpdir(), `parley-bench-sync-${process.pid}`);
  const file = await open(path, "w");
  try {
    const block = Buffer.alloc(blockBytes);
    const durationsUs: number[] = [];
    for (let sync = 0; sync < syncs; sync++) {
      await file.write(block, 0, blockBytes, 0);
      const startedAt = performance.now();
      await file.datasync();
      durationsUs.push((performance.now() - startedAt) * 1_000);
    }
    return Math.round(repeated(durationsUs).median);
  } finally {
    await file.close();
    await unlink(path);
  }
}

/** How many files, and so connections, a process may have open. Node raises the soft limit to the hard one by itself. */
export async function maxOpenFiles(): Promise<number> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const limit = /^Max open files +\S+ +(\d+)/m.exec(limits)?.[1];
  return limit ? Number(limit) : 10_000;
}
