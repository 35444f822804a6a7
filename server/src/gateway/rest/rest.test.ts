import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { createLog } from "#platform/log.ts";
import { bugText, chatId, slowText, startGateway, strangerId, userId } from "#test/gateway.ts";
import { until } from "#test/until.ts";

const logged: string[] = [];
const gateway = await startGateway({
  log: createLog("info", { write: (line) => void logged.push(line) }),
  config: { PARLEY_MAX_BODY_BYTES: 4_096, PARLEY_CALL_TIMEOUT_MS: 300 },
});
const messages = `/v2/chats/${chatId}/messages`;

interface Sent {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what is being tested
  body: any;
}

async function send(
  method: string,
  path: string,
  init: RequestInit & { json?: unknown } = {},
): Promise<Sent> {
  const headers = new Headers({ authorization: `Bearer ${gateway.token}`, ...(init.headers as object) });
  const body = init.json === undefined ? init.body : JSON.stringify(init.json);
  if (init.json !== undefined) headers.set("content-type", "application/json");
  const response = await fetch(gateway.url + path, { ...init, method, headers, ...(body ? { body } : {}) });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

function assertProblem(sent: Sent, status: number, code: string, fields?: string[]) {
  assert.deepEqual([sent.status, sent.body.code], [status, code], JSON.stringify(sent.body));
  assert.match(sent.headers.get("content-type")!, /^application\/problem\+json/);
  assert.equal(sent.body.type, `/docs/errors#${code}`);
  assert.equal(sent.body.status, status);
  assert.match(sent.body.traceId, /^[0-9a-f]{32}$/);
  assert.doesNotMatch(JSON.stringify(sent.body), /\bat .*\.[tj]s|node_modules/);
  if (fields)
    assert.deepEqual(
      sent.body.violations.map((v: { field: string }) => v.field),
      fields,
    );
}

test("takes fields from path, query and body, and answers every field without presence", async () => {
  const page = await send("GET", `${messages}?limit=2&before=9`);
  assert.equal(page.status, 200);
  assert.equal(page.headers.get("content-type"), "application/json; charset=utf-8");
  assert.deepEqual(page.body.messages[0], {
    id: "message-1",
    chatId,
    seq: 1,
    no: 1,
    senderId: userId,
    clientId: "client-1",
    text: "Message number 1, with “quotes” and a \\",
    replyTo: "",
    createdAt: "2026-01-01T12:00:01Z",
    reactions: [],
    attachments: [],
  });
  const edited = await send("PATCH", `${messages}/a%2Fb%20%C3%A9`, { json: { text: "hello" } });
  assert.deepEqual([edited.body.message.id, edited.body.message.text], ["a/b é", "hello"]);
});

test("tells the service who calls, from where, and until when", async () => {
  await send("PATCH", `${messages}/m`, { json: { text: "who?" }, headers: { "user-agent": "tester/1" } });
  const { actor, headers } = gateway.seen.at(-1)!;
  assert.deepEqual(actor, { userId, sessionId: "session-1", roles: [] });
  assert.equal(headers.get("parley-client-address"), "127.0.0.1");
  assert.equal(headers.get("parley-client-user-agent"), "tester/1");
  assert.ok(Number(headers.get("parley-token-expires")) > Date.now() / 1_000);
});

test("a percent-encoded emoji is one path segment", async () => {
  assert.equal((await send("PUT", `${messages}/m/reactions/${encodeURIComponent("👩‍👩‍👧/x")}`)).status, 200);
});

const wrong: [why: string, method: string, path: string, json: unknown, fields: string[]][] = [
  ["an unknown field", "POST", "/v2/chats", { kind: "group", titel: "x" }, ["titel"]],
  ["wrong types", "POST", "/v2/chats", { kind: 5, memberIds: [userId, 7] }, ["kind", "memberIds[1]"]],
  [
    "a broken rule in a list",
    "POST",
    "/v2/chats",
    { kind: "group", memberIds: [userId, "x"] },
    ["memberIds[1]"],
  ],
  ["a value outside of the list", "POST", "/v2/chats", { kind: "party" }, ["kind"]],
  ["a body that is no object", "POST", "/v2/chats", [1], [""]],
  ["an unknown query parameter", "GET", `${messages}?limt=5`, undefined, ["limt"]],
  ["a query parameter beside a body", "POST", "/v2/chats?title=x", { kind: "group" }, ["title"]],
  ["a path field in the query", "GET", `${messages}?chatId=${chatId}`, undefined, ["chatId"]],
  ["a negative cursor", "GET", `${messages}?before=-1`, undefined, ["before"]],
  ["a huge cursor", "GET", `${messages}?before=99999999999999999999`, undefined, ["before"]],
  ["a cursor that is no number", "GET", `${messages}?before=abc`, undefined, ["before"]],
  ["a parameter given twice", "GET", `${messages}?limit=1&limit=2`, undefined, ["limit"]],
  ["a limit above the maximum", "GET", `${messages}?limit=201`, undefined, ["limit"]],
  ["a rule over two fields", "GET", `${messages}?before=1&after=1`, undefined, [""]],
  ["an id that is none", "GET", "/v2/chats/1/messages", undefined, ["chatId"]],
  ["U+0000", "PATCH", `${messages}/m`, { text: "a\0b" }, ["text"]],
  ["half of a surrogate pair", "PATCH", `${messages}/m`, { text: "\ud800" }, ["text"]],
  ["another id in the body", "PATCH", `${messages}/m`, { text: "x", messageId: "n" }, ["messageId"]],
  ["a body where none belongs", "PUT", `${messages}/m/reactions/x`, { emoji: "y" }, ["emoji"]],
  ["a name out of the prototype", "POST", "/v2/chats", { kind: "group", constructor: {} }, ["constructor"]],
];
for (const [why, method, path, json, fields] of wrong) {
  test(`${why}: invalid-input, with the field named`, async () => {
    assertProblem(await send(method, path, { json }), 400, "invalid-input", fields);
  });
}

test("__proto__ in a body is an unknown field like any other", async () => {
  const body = `{"kind":"group","__proto__":{"title":"x"}}`;
  const sent = await send("POST", "/v2/chats", { body, headers: { "content-type": "application/json" } });
  assertProblem(sent, 400, "invalid-input", ["__proto__"]);
  assert.equal(({} as { title?: string }).title, undefined);
});

const unreadable: [why: string, body: string | Uint8Array<ArrayBuffer>][] = [
  ["truncated JSON", '{"kind":'],
  ["bad UTF-8", Uint8Array.from([...Buffer.from('{"kind":"'), 0xc3, 0x28, ...Buffer.from('"}')])],
  ["UTF-16", Uint8Array.from(Buffer.from('{"kind":"group"}', "utf16le"))],
];
for (const [why, body] of unreadable) {
  test(`${why} in a body: malformed-request`, async () => {
    const headers = { "content-type": "application/json" };
    assertProblem(await send("POST", "/v2/chats", { body, headers }), 400, "malformed-request");
  });
}

test("deep nesting is refused without a crash", async () => {
  const body = "[".repeat(2_000) + "]".repeat(2_000);
  const sent = await send("POST", "/v2/chats", { body, headers: { "content-type": "application/json" } });
  assertProblem(sent, 400, "invalid-input");
});

for (const path of [
  "/v2/users?query=%ff%fe",
  "/v2/users?query=%zz",
  "/v2/users/%ff",
  `${messages}?%c3%28=1`,
]) {
  test(`${path}: malformed-request`, async () => {
    assertProblem(await send("GET", path), 400, "malformed-request");
  });
}

test("only JSON is taken for a body", async () => {
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=latin1",
  ]) {
    const sent = await send("POST", "/v2/chats", { body: "{}", headers: { "content-type": type } });
    assertProblem(sent, 415, "unsupported-media-type");
  }
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  assertProblem(await send("POST", "/v2/chats", { body: "{}", headers }), 415, "unsupported-media-type");
});

test("an absent body stands for one without fields", async () => {
  assert.equal((await send("POST", "/v2/auth/sign-out")).status, 200);
  assertProblem(await send("POST", "/v2/chats"), 400, "invalid-input", ["kind"]);
});

test("a body above the limit: too-large", async () => {
  const json = { kind: "group", title: "x".repeat(5_000) };
  assertProblem(await send("POST", "/v2/chats", { json }), 413, "too-large");
});

test("unknown routes and methods are told as problems", async () => {
  assertProblem(await send("GET", "/v2/nothing"), 404, "route-not-found");
  assertProblem(await send("POST", "/v2/chats/x/y/z", { json: {} }), 404, "route-not-found");
  const refused = await send("DELETE", "/v2/chats");
  assertProblem(refused, 405, "method-not-allowed");
  assert.equal(refused.headers.get("allow"), "POST, GET, HEAD, OPTIONS");
  const options = await send("OPTIONS", "/v2/chats");
  assert.deepEqual([options.status, options.headers.get("allow")], [204, "POST, GET, HEAD, OPTIONS"]);
});

test("errors of a service keep their code", async () => {
  assertProblem(await send("GET", `/v2/chats/${strangerId}`), 404, "chat-not-found");
});

test("members that are nobody's accounts are named", async () => {
  const json = { kind: "group", memberIds: [userId, strangerId] };
  assertProblem(await send("POST", "/v2/chats", { json }), 404, "user-not-found", ["memberIds[1]"]);
});

test("an unexpected error tells nothing, and is logged with the trace id of the request", async () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
  const sent = await send("PATCH", `${messages}/m`, { json: { text: bugText }, headers });
  assertProblem(sent, 500, "internal");
  assert.equal(sent.body.traceId, traceId);
  assert.doesNotMatch(JSON.stringify(sent.body), /secret/);
  const line = logged.map((text) => JSON.parse(text)).find((entry) => entry.traceId === traceId);
  assert.equal(line.called, "PATCH /v2/chats/{chatId}/messages/{messageId}");
  assert.match(JSON.stringify(line.error), /secret of the database/);
});

test("a service that does not answer in time: timeout, and it is told to stop", async () => {
  assertProblem(await send("PATCH", `${messages}/m`, { json: { text: slowText } }), 504, "timeout");
  assert.equal(gateway.seen.at(-1)!.signal.aborted, true);
});

test("a service is told when the client has gone", async () => {
  // With the deadline that there is by default: it must not come before the client has gone.
  const { url, token, seen } = await startGateway();
  const abort = new AbortController();
  const sent = fetch(`${url}${messages}/m`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ text: slowText }),
    signal: abort.signal,
  });
  sent.catch(() => {});
  await until("the service is asked", () => seen.length > 0);
  const { signal } = seen.at(-1)!;
  abort.abort();
  await assert.rejects(sent);
  if (!signal.aborted) await once(signal, "abort");
  assert.notEqual(signal.reason?.name, "TimeoutError");
});

test("bytes that are not HTTP, and headers that are too large, get an answer and the socket is closed", async () => {
  for (const [bytes, status] of [
    ["nonsense\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\nhost: x\r\nlong: ${"x".repeat(20_000)}\r\n\r\n`, 413],
  ] as const) {
    const socket = connect(gateway.httpPort, "127.0.0.1");
    socket.write(bytes);
    let text = "";
    for await (const chunk of socket) text += chunk;
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(text, /application\/problem\+json/);
  }
});
