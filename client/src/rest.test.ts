import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { type ProtocolServer, startProtocolServer } from "../test/protocol-server.ts";
import { createParleyClient, type ParleyClient, ParleyError } from "./client.ts";
import { retryAfterMs } from "./http.ts";
import { path, query } from "./rest.ts";

let server: ProtocolServer;
let client: ParleyClient;

before(async () => {
  server = await startProtocolServer();
  client = createParleyClient({
    url: `${server.url}/`,
    backoff: { minMs: 1, maxMs: 5 },
  });
  await client.signUp({ email: "ada@example.org", password: "correct horse", name: "Ada" });
  await client.signIn({ email: "ada@example.org", password: "correct horse" });
});
beforeEach(() => {
  server.trouble = {};
  server.requests.length = 0;
});
after(async () => {
  client.close();
  await server.stop();
});

function failing(times: number, status: number, headers: Record<string, string> = {}) {
  let left = times;
  server.trouble = { http: () => (left-- > 0 ? { status, headers } : undefined) };
}

test("what only reads is tried again when the service is away or the connection breaks", async () => {
  failing(2, 503);
  assert.deepEqual(await client.listChats(), { chats: [] });
  failing(2, 0);
  await client.getMe();
});

test("waits as long as the server asks", async () => {
  failing(1, 503, { "retry-after": "1" });
  const begun = performance.now();
  await client.getMe();
  assert.ok(performance.now() - begun >= 990);
});

test("waits for an open circuit as long as its answer says, which is more exact than the header", async () => {
  let left = 1;
  const body = { code: "circuit-open", retryAfterMs: 40 };
  const headers = { "retry-after": "3600", "content-type": "application/problem+json" };
  server.trouble = { http: () => (left-- > 0 ? { status: 503, headers, body } : undefined) };
  await client.getMe();
  assert.equal(server.requests.length, 2);
});

test("a wait that is too long is the caller's", async () => {
  failing(1, 503, { "retry-after": "3600" });
  await assert.rejects(client.getMe(), { code: "unavailable", retryAfterMs: 3_600_000 });
});

test("gives up after four tries", async () => {
  failing(100, 503);
  await assert.rejects(client.getMe(), { code: "unavailable", status: 503 });
  assert.equal(server.requests.length, 4);
});

test("what changes something is tried once", async () => {
  failing(100, 503);
  await assert.rejects(client.createChat({ kind: "group", memberIds: [] }), { code: "unavailable" });
  assert.equal(server.requests.length, 1);
});

test("a refused token is renewed and the call repeated, once", async () => {
  server.state.expireAccessTokens();
  await client.getMe();
  assert.equal(server.requests.filter((line) => line.includes("refresh")).length, 1);
});

test("problems carry the server's code, detail, violations and trace", async () => {
  const chat = server.state.createChat([client.user!.id]);
  await assert.rejects(client.listMessages("11111111-1111-1111-1111-111111111111"), {
    code: "chat-not-found",
    status: 404,
    detail: "No: chat-not-found",
    traceId: "t1",
  });
  const sending = client.sendMessage(chat.id, "x".repeat(1001));
  await assert.rejects(sending, (error: ParleyError) => {
    assert.deepEqual(error.violations, [{ field: "text", message: "is too long" }]);
    return error instanceof ParleyError && error.code === "invalid-input";
  });
});

test("an answer that does not come in time is an error", async () => {
  const silent = createParleyClient({
    url: server.url,
    timeoutMs: 50,
    fetch: (_url, init) =>
      new Promise((_resolve, reject) =>
        init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason)),
      ),
  });
  await assert.rejects(silent.signUp({ email: "a", password: "b", name: "c" }), { code: "timeout" });
});

test("paths and queries are encoded", () => {
  assert.equal(path`/a/${"b/c"}/${"👍"}`, "/a/b%2Fc/%F0%9F%91%8D");
  assert.equal(query({ limit: 2, cursor: undefined, ids: ["x", "y&z"] }), "?limit=2&ids=x&ids=y%26z");
  assert.equal(query({}), "");
});

test("Retry-After is seconds or a date", () => {
  assert.equal(retryAfterMs("3"), 3000);
  assert.equal(retryAfterMs("Thu, 01 Jan 1970 00:00:05 GMT", 2000), 3000);
  assert.equal(retryAfterMs("Thu, 01 Jan 1970 00:00:05 GMT", 9000), 0);
  assert.equal(retryAfterMs("soon"), undefined);
  assert.equal(retryAfterMs(null), undefined);
});
