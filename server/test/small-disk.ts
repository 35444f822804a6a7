/** A disk that is soon full: a file system of a few megabytes, in memory. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** For the `skip` option of a test; `npm test` says loudly when it is in force, and fails in CI. */
export const withoutSmallDisk = canMount() ? false : "only root may mount a disk, and only on Linux";

/** The folder where it is; it ends with the test. */
export async function mountSmallDisk(t: TestContext, mib: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "parley-test-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", folder]);
  t.after(async () => {
    execFileSync("umount", [folder]);
    await rm(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Being root does not suffice in a container. */
function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmpdir()], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}
