import { execFile } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";

export interface RunningProcess {
  readonly pid: number;
  /** Its words are separated by NUL or blanks. */
  readonly commandLine: string;
}

export interface ClusterProcesses {
  /** The server process itself, if it lives. */
  readonly postmaster: number | undefined;
  /** Its children. */
  readonly children: number[];
}

const CLUSTER_NAME_SETTING = "cluster_name=";

/**
 * The name that all processes of a cluster carry in their title. It names the directory itself (device and inode), not its path:
 * a copy is another cluster, a moved one is still this one, and `/data` of one container is not `/data` of another.
 */
export async function clusterNameOf(dataDir: string): Promise<string> {
  const { dev, ino } = await stat(dataDir, { bigint: true });
  return `parley-${dev.toString(36)}-${ino.toString(36)}`;
}

/** Finds living processes of a cluster, whoever started them. A pid from a file alone may long be somebody else's. */
export async function findClusterProcesses(clusterName: string): Promise<ClusterProcesses> {
  const processes = await listProcesses();
  const childTitle = `postgres: ${clusterName}: `;
  return {
    postmaster: processes.find((one) => serverClusterName(one) === clusterName)?.pid,
    children: processes.filter((one) => one.commandLine.startsWith(childTitle)).map((one) => one.pid),
  };
}

/** Whether a pid is a PostgreSQL server that no Parley has started. */
export async function isForeignServer(pid: number): Promise<boolean> {
  const found = (await listProcesses()).find((one) => one.pid === pid);
  return found !== undefined && serverClusterName(found) === "";
}

/** Sends a signal (0: none) and says whether there is a process with this pid. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ESRCH") return false;
    if (code === "EPERM" && signal === 0) return true;
    throw error;
  }
}

/** The cluster name a server process was started with; "" for one without, undefined for any other program. */
function serverClusterName({ commandLine }: RunningProcess): string | undefined {
  const words = commandLine.split(/[\0 ]/);
  if (basename(words[0]!) !== "postgres") return undefined;
  const setting = words.find((word) => word.startsWith(CLUSTER_NAME_SETTING));
  return setting?.slice(CLUSTER_NAME_SETTING.length) ?? "";
}

async function listProcesses(): Promise<RunningProcess[]> {
  return process.platform === "linux" ? await readProc() : await runPs();
}

/** Slim images have no ps. The command line is the one thing about another user's process that root may always read. */
async function readProc(): Promise<RunningProcess[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  return await Promise.all(
    pids.map(async (pid) => ({
      pid: Number(pid),
      // Empty for a zombie, which is as good as gone; an error for one that has just ended.
      commandLine: await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""),
    })),
  );
}

async function runPs(): Promise<RunningProcess[]> {
  const { stdout } = await promisify(execFile)("ps", ["-axww", "-o", "pid=,command="], {
    maxBuffer: 64 * 2 ** 20,
  });
  return stdout.split("\n").flatMap((line) => {
    const match = /^\s*(\d+) (.*)$/.exec(line);
    return match ? [{ pid: Number(match[1]), commandLine: match[2]! }] : [];
  });
}
