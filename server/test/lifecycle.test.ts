/** Starting, stopping and being killed, on the built-in PostgreSQL. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { spawnParley } from "#test/parley-process.ts";

const dataDir = await mkdtemp(join(tmpdir(), "parley-lifecycle-"));
after(() => rm(dataDir, { recursive: true, force: true }));

const account = { email: "a@example.com", password: "long enough", name: "A" };

async function post(url: string, body: unknown): Promise<number> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
  return response.status;
}

const signIn = (url: string) =>
  post(`${url}/v2/auth/sign-in`, { email: account.email, password: account.password });

/** Command lines of all processes that name the data directory. */
function processesOfDataDir(): string[] {
  const lines = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).split("\n");
  return lines.filter((line) => line.includes(dataDir));
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} stops it cleanly and the next start finds the data`, async () => {
    const parley = await spawnParley({ PARLEY_DATA_DIR: dataDir });
    assert.equal(await post(`${parley.url}/v2/auth/sign-up`, account), 200);
    assert.equal(await signIn(parley.url), 200);
    assert.equal(await parley.end(signal), 0);
    assert.deepEqual(processesOfDataDir(), []);
  });
}

test("after kill -9 the next start recovers by itself", async () => {
  const parley = await spawnParley({ PARLEY_DATA_DIR: dataDir });
  await parley.end("SIGKILL");
  const next = await spawnParley({ PARLEY_DATA_DIR: dataDir });
  assert.equal(await signIn(next.url), 200);
  assert.equal(await next.end("SIGTERM"), 0);
  assert.deepEqual(processesOfDataDir(), []);
});

test("a second start on the same data is refused and leaves the first alone", async () => {
  const parley = await spawnParley({ PARLEY_DATA_DIR: dataDir });
  await assert.rejects(spawnParley({ PARLEY_DATA_DIR: dataDir }), new RegExp(`${parley.pid}`));
  assert.equal(await signIn(parley.url), 200);
  assert.equal(await parley.end("SIGTERM"), 0);
});

test("a port that is taken is named", async () => {
  const parley = await spawnParley({ PARLEY_DATA_DIR: dataDir });
  const other = await mkdtemp(join(tmpdir(), "parley-lifecycle-"));
  after(() => rm(other, { recursive: true, force: true }));
  const port = new URL(parley.url).port;
  await assert.rejects(
    spawnParley({ PARLEY_DATA_DIR: other, PARLEY_PORT: port }),
    new RegExp(`PARLEY_PORT.*${port}|${port}.*PARLEY_PORT`, "s"),
  );
  assert.equal(await parley.end("SIGTERM"), 0);
});

test("a setting that does not exist stops the start and is named", async () => {
  const start = spawnParley({ PARLEY_DATA_DIR: dataDir, PARLEY_PROT: "1" });
  await assert.rejects(start, /PARLEY_PROT is not a setting of Parley; did you mean PARLEY_PORT\?/);
});

test("secrets are readable by their owner only and never printed", async () => {
  const parley = await spawnParley({ PARLEY_DATA_DIR: dataDir, PARLEY_LOG_LEVEL: "debug" });
  await signIn(parley.url);
  await parley.end("SIGTERM");
  const secret = (await readFile(join(dataDir, "secret-key"), "utf8")).trim();
  assert.ok(secret.length > 30);
  assert.ok(!parley.output().includes(secret));
  assert.ok(!parley.output().includes(account.password));
});
