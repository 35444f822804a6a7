import { randomBytes } from "node:crypto";
import { chmod, chown, link, mkdir, open, readFile, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { unprivilegedAccount } from "./unprivileged-account.ts";

/**
 * Creates Parley's data directory where it is missing and returns its absolute path.
 *
 * A directory that exists keeps its owner and mode: an operator may have set them on purpose. A new one is private
 * to its owner; when that is root, the group of the account that PostgreSQL is run as may pass through it (0710: enter, not list).
 */
export async function openDataDir(path: string): Promise<string> {
  const dataDir = resolve(path);
  await mkdir(dirname(dataDir), { recursive: true });
  try {
    await mkdir(dataDir, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return dataDir;
    throw error;
  }
  if (process.getuid?.() === 0) {
    const { gid } = await unprivilegedAccount();
    // Without CAP_CHOWN the directory stays 0700, and PostgreSQL's launcher finds another way in.
    const handedOver = await chown(dataDir, 0, gid).then(
      () => true,
      () => false,
    );
    if (handedOver) await chmod(dataDir, 0o710);
  }
  return dataDir;
}

/**
 * Reads the secret `<dataDir>/<name>`, creating it from `bytes` random bytes when it does not exist yet.
 *
 * The file has mode 0600 and appears complete or not at all; of two processes that create it at once, both get the first one's.
 *
 * @returns the secret as base64url
 */
export async function readOrCreateSecret(dataDir: string, name: string, bytes: number): Promise<string> {
  const path = join(dataDir, name);
  const existing = await readSecret(path);
  if (existing !== undefined) return existing;

  const secret = randomBytes(bytes).toString("base64url");
  const temporaryPath = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  await writeDurably(temporaryPath, `${secret}\n`);
  try {
    // link() and not rename(): it refuses to replace a secret that another process made in the meantime.
    await link(temporaryPath, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return (await readSecret(path))!;
  } finally {
    await unlink(temporaryPath);
  }
  await syncDirectory(dataDir);
  return secret;
}

/** Makes a created, renamed or deleted directory entry survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function readSecret(path: string): Promise<string | undefined> {
  try {
    const secret = (await readFile(path, "utf8")).trim();
    if (secret === "")
      throw new Error(`The secret file ${path} is empty. Restore it, or delete it to get a new one.`);
    return secret;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function writeDurably(path: string, content: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}
