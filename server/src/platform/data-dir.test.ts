import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { openDataDir, readOrCreateSecret } from "./data-dir.ts";
import { DataDirInUseError, lockDataDir } from "./data-dir-lock.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-data-dir-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

test("creates a data directory that others cannot list", async () => {
  const dataDir = await openDataDir(join(folder, "a", "b"));
  const { mode } = await stat(dataDir);
  assert.equal(mode & 0o067, 0);
  assert.equal(await openDataDir(dataDir), dataDir);
});

test("leaves the mode of an existing data directory alone", async () => {
  await mkdir(join(folder, "data"));
  await chmod(join(folder, "data"), 0o750);
  const dataDir = await openDataDir(join(folder, "data"));
  assert.equal((await stat(dataDir)).mode & 0o777, 0o750);
});

test("creates a secret once, however many ask for it at the same time", async () => {
  const secrets = await Promise.all(Array.from({ length: 20 }, () => readOrCreateSecret(folder, "key", 32)));
  assert.equal(new Set(secrets).size, 1);
  assert.match(secrets[0]!, /^[\w-]{43}$/);
  assert.equal(await readOrCreateSecret(folder, "key", 32), secrets[0]);
  assert.equal((await stat(join(folder, "key"))).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(folder), ["key"]);
});

test("does not take an empty file for a secret", async () => {
  await writeFile(join(folder, "key"), "\n");
  await assert.rejects(readOrCreateSecret(folder, "key", 32), /is empty/);
});

test("locks a data directory against a second holder until it is released", () => {
  const lock = lockDataDir(folder);
  assert.throws(
    () => lockDataDir(folder),
    (error) => error instanceof DataDirInUseError && error.pid === process.pid,
  );
  lock.release();
  lock.release();
  lockDataDir(folder).release();
});

test("takes the lock of a process that was killed", async () => {
  const script = `import { lockDataDir } from ${JSON.stringify(join(import.meta.dirname, "data-dir-lock.ts"))};
    globalThis.lock = lockDataDir(${JSON.stringify(folder)});
    process.stdout.write("locked");
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  assert.throws(() => lockDataDir(folder), { code: "DATA_DIR_IN_USE", pid: holder.pid });
  holder.kill("SIGKILL");
  await once(holder, "exit");
  const lock = lockDataDir(folder);
  assert.equal(await readFile(join(folder, "parley.pid"), "utf8"), `${process.pid}\n`);
  lock.release();
});
