import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocket } from "ws";
import { dialectSettings } from "#gateway/dialects/config.ts";
import { dialectNames } from "#gateway/dialects/versions.ts";
import { readSettings } from "#platform/settings.ts";
import { describedDialects } from "#test/dialects.ts";
import { startGateway } from "#test/gateway.ts";

function read(value: string) {
  const problems: { name: string; message: string }[] = [];
  const { PARLEY_DIALECTS: names } = readSettings(dialectSettings, { PARLEY_DIALECTS: value }, problems);
  return { names, problems };
}

test("all dialects are on unless some are named, or none", () => {
  assert.deepEqual(read("").names, [...dialectNames]);
  assert.deepEqual(read("kv, social").names, ["kv", "social"]);
  assert.deepEqual(read("none").names, []);
  assert.deepEqual(read("all").names, [...dialectNames]);
});

test("a name that is no dialect's stops the start, and says which there are", () => {
  for (const wrong of ["kv,messenger", "none,kv", "KV"]) {
    const [problem] = read(wrong).problems;
    assert.equal(problem?.name, "PARLEY_DIALECTS");
    assert.match(
      problem.message,
      /^must be all, none, or names out of messenger-v1, social, kv, octo, lab; \S+ is no/,
    );
  }
});

test("a list without a name in it is a mistake, not a way to turn all of them off", () => {
  assert.match(read(" , ").problems[0]!.message, /^must be all, none, or names out of .*$/);
});

test("dialects that are off answer 404 to every request, and let no socket in", async () => {
  const { url } = await startGateway({ config: { PARLEY_DIALECTS: [] } });
  for (const { name, routes, sockets = [] } of describedDialects.values()) {
    for (const { method, template } of routes) {
      const path = template.replaceAll(/\{\w+\}/g, "0b0b7e6e-0000-4000-8000-00000000c4a7");
      const body = method === "POST" || method === "PUT" ? { body: "{}" } : {};
      const answer = await fetch(url + path, { method: String(method), ...body });
      const { code } = (await answer.json()) as { code: string };
      assert.deepEqual([answer.status, code], [404, "route-not-found"], `${name}: ${method} ${path}`);
      assert.equal(answer.headers.get("deprecation"), null);
    }
    for (const { path } of sockets) assert.equal(await upgradeStatus(url + path), 404, `${name}: ${path}`);
  }
});

test("one that is on is served beside others that are off", async () => {
  const { url } = await startGateway({ config: { PARLEY_DIALECTS: ["messenger-v1"] } });
  assert.equal((await fetch(`${url}/ping`)).status, 200);
  assert.equal((await fetch(`${url}/welcome`)).status, 404);
  assert.equal(await upgradeStatus(`${url}/messenger/ws?token=x`), 404);
});

async function upgradeStatus(url: string): Promise<number | undefined> {
  const ws = new WebSocket(url.replace("http", "ws"));
  ws.on("error", () => {});
  const [, response] = await once(ws, "unexpected-response", { signal: AbortSignal.timeout(5_000) });
  ws.terminate();
  return response.statusCode;
}
