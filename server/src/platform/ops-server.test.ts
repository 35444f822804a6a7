import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createLog } from "#platform/log.ts";
import { startOpsServer } from "#platform/ops-server.ts";

let scrape = async () => "a 1\n";
const log = createLog("silent");
const ops = await startOpsServer({ host: "127.0.0.1", port: 0, log, scrape: () => scrape() });
after(() => ops.stop());

async function ask(path: string, method = "GET") {
  const response = await fetch(`http://127.0.0.1:${ops.port}${path}`, { method });
  return { status: response.status, body: await response.json() };
}

test("lives from the start on, and is ready when nothing is waited for", async () => {
  ops.waitFor("database");
  ops.waitFor("identity");
  assert.deepEqual(await ask("/livez"), { status: 200, body: { status: "alive" } });
  ops.ready("database");
  const waiting = { status: "not ready", waitingFor: ["identity"] };
  assert.deepEqual(await ask("/readyz"), { status: 503, body: waiting });
  ops.ready("identity");
  assert.deepEqual(await ask("/readyz?verbose"), { status: 200, body: { status: "ready" } });
});

test("shows the metrics, and says so when they cannot be read", async () => {
  const response = await fetch(`http://127.0.0.1:${ops.port}/metrics`);
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  assert.equal(await response.text(), "a 1\n");
  scrape = () => Promise.reject(new Error("no"));
  assert.equal((await ask("/metrics")).status, 500);
  assert.equal((await ask("/livez")).status, 200);
});

test("has nothing else", async () => {
  assert.equal((await ask("/")).status, 404);
  assert.equal((await ask("/livez", "POST")).status, 405);
});

test("a port that is taken stops the start", async () => {
  const again = startOpsServer({ host: "127.0.0.1", port: ops.port, log, scrape });
  await assert.rejects(again, /is taken by another program; set PARLEY_OPS_PORT/);
});
