import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { ProcessService } from "@parley/api/v2/process";
import { UserService } from "@parley/api/v2/user";
import { deferralOf } from "#gateway/rest/deferral.ts";
import { restRoutes } from "#gateway/rest/http-rules.ts";
import { processId, slowText, startGateway } from "#test/gateway.ts";
import { parityCallers } from "#test/parity-callers.ts";
import { until } from "#test/until.ts";

const origin = "https://chat.example.org";
const gateway = await startGateway({
  config: { PARLEY_CALL_TIMEOUT_MS: 300, PARLEY_ALLOWED_ORIGINS: [origin] },
});
const authorization = `Bearer ${gateway.token}`;

async function process(json: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${gateway.url}/v2/process`, {
    method: "POST",
    headers: { authorization, "content-type": "application/json", ...headers },
    body: JSON.stringify(json),
  });
  return { response, headers: response.headers, body: await response.json() };
}

test("a request without preferences is answered with its outcome", async () => {
  const { response, headers, body } = await process({ text: "x" });
  assert.deepEqual([response.status, body.status, body.result, body.id], [200, "done", "", ""]);
  for (const name of ["location", "retry-after", "preference-applied"]) assert.equal(headers.get(name), null);
  assert.equal(headers.get("cache-control"), "no-store");
});

test("Prefer: respond-async is answered 202, with the place where the outcome will be", async () => {
  for (const prefer of ["respond-async", "respond-async, wait=10"]) {
    const { response, headers, body } = await process({ text: "x" }, { prefer });
    assert.deepEqual([response.status, body.status], [202, "running"]);
    assert.equal(headers.get("location"), `/v2/process/${processId}`);
    assert.equal(headers.get("retry-after"), "1");
    assert.equal(headers.get("preference-applied"), "respond-async");
    assert.equal(headers.get("cache-control"), "no-store");
  }
});

test("the field in the body does the same, and is no preference", async () => {
  const { response, headers } = await process({ text: "x", respondAsync: true });
  assert.deepEqual([response.status, headers.get("location")], [202, `/v2/process/${processId}`]);
  assert.equal(headers.get("preference-applied"), null);
});

test("the place answers, is never kept, and takes HEAD", async () => {
  const { headers } = await process({ text: "x" }, { prefer: "respond-async" });
  const url = gateway.url + headers.get("location");
  const outcome = await fetch(url, { headers: { authorization } });
  assert.deepEqual([outcome.status, (await outcome.json()).id], [200, processId]);
  assert.equal(outcome.headers.get("cache-control"), "no-store");
  assert.equal(outcome.headers.get("cache-status"), null);
  const head = await fetch(url, { method: "HEAD", headers: { authorization } });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

test("Idempotency-Key goes into the request, quoted or bare", async () => {
  for (const key of ['"key 1"', "key-1"]) {
    const { body } = await process({ text: "x" }, { "idempotency-key": key });
    assert.equal(body.result, key.replaceAll('"', ""));
  }
  const both = await process({ text: "x", idempotencyKey: "key-1" }, { "idempotency-key": "key-1" });
  assert.equal(both.body.result, "key-1");
});

test("a key that is none, differs from the body's, or is given twice is named", async () => {
  const problems = [
    await process({ text: "x" }, { "idempotency-key": '""' }),
    await process({ text: "x", idempotencyKey: "key-2" }, { "idempotency-key": "key-1" }),
    await process({ text: "x", idempotencyKey: "x".repeat(256) }),
  ].map(({ body }) => body);
  for (const { code, violations } of [...problems, await processWithTwoKeys()]) {
    assert.deepEqual([code, violations[0].field], ["invalid-input", "idempotencyKey"]);
  }
});

/** fetch would join them. */
function processWithTwoKeys() {
  return new Promise<{ code: string; violations: { field: string }[] }>((resolve, reject) => {
    const options = {
      method: "POST",
      headers: { authorization, "content-type": "application/json", "idempotency-key": ["a", "a"] },
    };
    const sent = request(`${gateway.url}/v2/process`, options, async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve(JSON.parse(text));
    });
    sent.on("error", reject).end(JSON.stringify({ text: "x" }));
  });
}

test("the headers mean nothing to other methods", async () => {
  const headers = { authorization, prefer: "respond-async", "idempotency-key": '"' };
  const response = await fetch(`${gateway.url}/v2/users/me`, { headers });
  assert.deepEqual([response.status, response.headers.get("preference-applied")], [200, null]);
});

test("all transports ask for it in the same way", async () => {
  const callers = parityCallers({ ...gateway, wsUrl: `${gateway.url.replace("http", "ws")}/v2/ws` });
  const params = { text: "x", processor: "p", idempotencyKey: "key-1", respondAsync: true };
  const tooLong = { text: "x", idempotencyKey: "x".repeat(256) };
  for (const caller of callers) {
    const answer = await caller.call(ProcessService.method.process, params, gateway.token);
    const { id, status, result, processor } = answer!.result;
    assert.deepEqual([id, status, result, processor], [processId, "running", "key-1", "p"], caller.name);
    const refused = await caller.call(ProcessService.method.process, tooLong, gateway.token);
    assert.deepEqual(refused?.error, { code: "invalid-input", fields: ["idempotencyKey"] }, caller.name);
  }
});

test("one that is not done by the gateway's deadline: timeout, and no circuit opens", async () => {
  const answers = await Promise.all(Array.from({ length: 30 }, () => process({ text: slowText })));
  for (const { response, body } of answers) assert.deepEqual([response.status, body.code], [504, "timeout"]);
  assert.equal(gateway.circuits.list()[0]?.snapshot.state, "closed");
});

test("while they wait, the caller's other calls do not", async () => {
  // With the deadline that there is by default: they are to wait until they are told not to.
  const { url, token, seen } = await startGateway();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const enough = new AbortController();
  const init = { method: "POST", headers, body: JSON.stringify({ text: slowText }), signal: enough.signal };
  const slow = Array.from({ length: 8 }, () =>
    fetch(`${url}/v2/process`, init).then(
      () => "answered",
      () => "given up",
    ),
  );
  await until("they wait for the service", () => seen.length === slow.length);
  assert.equal((await fetch(`${url}/v2/users/me`, { headers })).status, 200);
  enough.abort();
  assert.deepEqual(await Promise.all(slow), Array(8).fill("given up"));
});

test("web pages of other origins may send and read the headers", async () => {
  const preflight = await fetch(`${gateway.url}/v2/process`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST" },
  });
  const allowed = preflight.headers.get("access-control-allow-headers")!.toLowerCase().split(", ");
  assert.ok(allowed.includes("idempotency-key") && allowed.includes("prefer"));
  const { headers } = await process({ text: "x" }, { origin });
  const exposed = headers.get("access-control-expose-headers")!.toLowerCase().split(", ");
  for (const name of ["location", "retry-after", "preference-applied"])
    assert.ok(exposed.includes(name), name);
});

test("a contract that it cannot serve stops the start", () => {
  const routes = restRoutes([ProcessService, UserService]);
  const route = routes.find(({ method }) => method === ProcessService.method.process)!;
  assert.ok(deferralOf(route, routes));
  const others = routes.filter(({ method }) => method !== ProcessService.method.getProcess);
  assert.throws(() => deferralOf(route, others), /no GET route/);
  const { output } = UserService.method.getMe;
  assert.throws(() => deferralOf({ ...route, method: { ...route.method, output } }, routes), /need fields/);
});
