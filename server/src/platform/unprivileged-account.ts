import { readFile } from "node:fs/promises";

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** 65534 is "nobody" by convention on Linux; the kernel uses it for the same purpose (overflowuid). */
const NOBODY: Account = { uid: 65_534, gid: 65_534 };

/** The account that a program which refuses to be root is run as, when Parley itself is root. Never creates one. */
export async function unprivilegedAccount(): Promise<Account> {
  const passwd = await readFile("/etc/passwd", "utf8").catch(() => "");
  return findAccount(passwd, "postgres") ?? findAccount(passwd, "nobody") ?? NOBODY;
}

function findAccount(passwd: string, name: string): Account | undefined {
  const fields = passwd
    .split("\n")
    .find((line) => line.startsWith(`${name}:`))
    ?.split(":");
  if (!fields) return undefined;
  const account = { uid: Number(fields[2]), gid: Number(fields[3]) };
  return Number.isInteger(account.uid) && Number.isInteger(account.gid) && account.uid !== 0
    ? account
    : undefined;
}
