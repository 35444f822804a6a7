import { chown, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Account } from "../unprivileged-account.ts";
import { SOCKET_PORT } from "./settings.ts";

export const socketFileName = `.s.PGSQL.${SOCKET_PORT}`;

/** sockaddr_un holds 108 bytes on Linux and 104 on macOS, with the final NUL. */
const MAX_SOCKET_PATH_BYTES = 103;

const SHORT_DIR_PREFIX = "/tmp/parley-postgres-";

export interface SocketDir {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * Chooses where PostgreSQL's Unix socket lies: in the cluster's own directory, which is private already; if that path is too long for a
 * socket, in a private directory below /tmp.
 *
 * A socket and not a port of the loopback: it cannot be taken by another program while PostgreSQL restarts, other users and containers
 * that share the network cannot reach it, and no two Parleys get in each other's way.
 */
export async function createSocketDir(clusterDir: string, account: Account | undefined): Promise<SocketDir> {
  if (Buffer.byteLength(join(clusterDir, socketFileName)) <= MAX_SOCKET_PATH_BYTES) {
    return { path: clusterDir, remove: async () => {} };
  }
  const path = await mkdtemp(SHORT_DIR_PREFIX);
  if (account) await chown(path, account.uid, account.gid);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Whether a path, read from a file, is such a directory of ours below /tmp. */
export function isOwnShortDir(path: string): boolean {
  return path.startsWith(SHORT_DIR_PREFIX) && !path.slice(SHORT_DIR_PREFIX.length).includes("/");
}
