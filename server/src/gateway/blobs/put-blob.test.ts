import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { stallLimits } from "#gateway/blobs/progress.ts";
import { fault } from "#platform/errors.ts";
import { createFakeBlobService } from "#test/fake-blob-service.ts";
import { startGateway } from "#test/gateway.ts";
import { exchange, openRaw, parseAnswer, requestHead } from "#test/raw-http.ts";
import { until } from "#test/until.ts";

const service = createFakeBlobService();
const maxBytes = 4_000_000;
const gateway = await startGateway({
  routes: service.routes,
  config: { PARLEY_BLOB_MAX_BYTES: maxBytes, PARLEY_CALLER_MAX_TRANSFERS: 2 },
});
/** For tests of its impatience only: all others it would end when the machine stands still for a moment. */
const impatient = await startGateway({
  routes: service.routes,
  stallLimits: { ...stallLimits, clientMs: 400 },
  bodyTimeoutMs: 400,
});
const authorization = `Bearer ${gateway.token}`;
const { httpPort } = gateway;
const sha256 = (text: string) => createHash("sha256").update(text).digest();

function put(path: string, headers: Record<string, string | number> = {}, body = "hello") {
  const bytes = Buffer.from(body);
  const length = { "content-length": bytes.length };
  return exchange(httpPort, requestHead(`PUT ${path}`, { authorization, ...length, ...headers }), bytes);
}

test("a put answers what it stored, 201 when it is new and 200 when it replaces", async () => {
  const created = await put("/v2/blobs/notes/one.txt", {
    "content-type": "text/plain; charset=utf-8",
    "parley-meta-author": Buffer.from("Zoë").toString("latin1"),
  });
  assert.equal(created.status, 201, created.body);
  assert.equal(created.headers.location, "/v2/blobs/notes/one.txt");
  assert.equal(created.headers.etag, `"${sha256("hello").toString("hex")}"`);
  const { updatedAt, ...blob } = JSON.parse(Buffer.from(created.body, "latin1").toString());
  assert.ok(Date.parse(updatedAt));
  assert.deepEqual(blob, {
    key: "notes/one.txt",
    size: 5,
    contentType: "text/plain; charset=utf-8",
    etag: created.headers.etag,
    metadata: { author: "Zoë" },
  });
  const replaced = await put("/v2/blobs/notes/one.txt", {}, "other");
  assert.deepEqual([replaced.status, replaced.headers.location], [200, undefined]);
});

test("a key is what the URL says, letter by letter", async () => {
  const keys: [string, string][] = [
    ["a//b", "a//b"],
    ["a/../b", "a/../b"],
    ["..", ".."],
    ["./", "./"],
    ["a%2Fb", "a/b"],
    ["%2e%2e%2f%2e%2e%2fetc", "../../etc"],
    ["a%00b", "a\0b"],
    ["100%25", "100%"],
    ["a%252Fb", "a%2Fb"],
    ["a+b;c=d,e", "a+b;c=d,e"],
    ["%F0%9F%98%80", "😀"],
    ["%EF%BB%BFx", "\ufeffx"],
    ["a/", "a/"],
    ["/", "/"],
    ["__proto__", "__proto__"],
    ["%3Fx%23", "?x#"],
  ];
  for (const [path, key] of keys) {
    const { status, body } = await put(`/v2/blobs/${path}`);
    assert.ok(status === 201 || status === 200, `${path}: ${status} ${body}`);
    assert.ok(service.blobs.has(key), `${path} → ${[...service.blobs.keys()].at(-1)}`);
  }
  const absolute = await put("http://parley.test/v2/blobs/absolute//form");
  assert.equal(absolute.status, 201, absolute.body);
  assert.ok(service.blobs.has("absolute//form"));
  const raw = await put(`/v2/blobs/${Buffer.from("ü").toString("latin1")}`);
  assert.ok(raw.status === 400 || service.blobs.has("ü"), String(raw.status));
});

test("the Location of a tricky key leads to it even for clients that normalise URLs", async () => {
  for (const path of ["x//y", "x/../y", "x/.", "/x", "x/", "x/%00", "x y%25z/ü"]) {
    const { headers, body } = await put(`/v2/blobs/${encodeURI(path).replaceAll("%25", "%")}`, {}, path);
    assert.ok(headers.location, body);
    const answer = await fetch(new URL(headers.location, gateway.url), { headers: { authorization } });
    assert.equal(await answer.text(), path, headers.location);
  }
});

test("what is no key is refused", async () => {
  const cases = [
    ["%", "malformed-request"],
    ["%zz", "malformed-request"],
    ["%ff", "malformed-request"],
    ["%ed%a0%80", "malformed-request"],
    ["", "invalid-input"],
    ["x".repeat(1_025), "invalid-input"],
    ["x?download", "invalid-input"],
  ];
  for (const [path, code] of cases) {
    const { status, body } = await put(`/v2/blobs/${path}`);
    assert.deepEqual([status, JSON.parse(body).code, path], [400, code, path]);
  }
  assert.equal((await put(`/v2/blobs/${"%C3%A9".repeat(512)}`)).status, 201);
});

test("headers that cannot be kept to are refused", async () => {
  const digest = `sha-256=:${sha256("hello").toString("base64")}:`;
  const wrong = `sha-256=:${sha256("other").toString("base64")}:`;
  const cases: [Record<string, string>, number, string?][] = [
    [{ "content-digest": digest }, 201],
    [{ "repr-digest": `sha-512=:${"A".repeat(86)}==:, ${digest}` }, 200],
    [{ "content-digest": `sha-512=:${"A".repeat(86)}==:` }, 200],
    [{ "content-digest": wrong }, 400, "digest-mismatch"],
    [{ "content-digest": digest, "repr-digest": wrong }, 400, "digest-mismatch"],
    [{ "content-digest": "sha-256=abc" }, 400, "invalid-input"],
    [{ "content-digest": "sha-256=:YWJj:" }, 400, "invalid-input"],
    [{ "content-encoding": "gzip" }, 415, "unsupported-media-type"],
    [{ "content-encoding": "identity" }, 200],
    [{ "content-range": "bytes 0-4/10" }, 400, "invalid-input"],
    [{ "if-match": "abc" }, 400, "invalid-input"],
    [{ "if-unmodified-since": "Sun, 06 Nov 1994 08:49:37 GMT" }, 400, "invalid-input"],
    [{ "parley-meta-a_b": "x" }, 400, "invalid-input"],
    [{ "parley-meta-a": "\xff" }, 400, "invalid-input"],
  ];
  for (const [headers, status, code] of cases) {
    const answer = await put("/v2/blobs/digests", headers);
    const label = JSON.stringify(headers);
    assert.equal(answer.status, status, `${label} ${answer.body}`);
    if (code) assert.equal(JSON.parse(answer.body).code, code, label);
  }
});

test("create only, and compare and swap", async () => {
  const first = await put("/v2/blobs/cas", { "if-none-match": "*" });
  assert.equal(first.status, 201);
  const etag = first.headers.etag!;
  const statusOf = async (headers: Record<string, string>) => (await put("/v2/blobs/cas", headers)).status;
  assert.equal(await statusOf({ "if-none-match": "*" }), 412);
  assert.equal(await statusOf({ "if-none-match": `"other", W/${etag}` }), 412);
  assert.equal(await statusOf({ "if-match": `W/${etag}` }), 412);
  assert.equal(await statusOf({ "if-match": '"other"' }), 412);
  assert.equal(await statusOf({ "if-match": `"other", ${etag}` }), 200);
  assert.equal(await statusOf({ "if-match": "*" }), 200);
  assert.equal((await put("/v2/blobs/cas-none", { "if-match": "*" })).status, 412);
});

test("a client that asks first is refused before it sends a byte, and else given leave", async () => {
  const before = service.state.putsWithBytes;
  const head = (headers: Record<string, string | number>) =>
    requestHead("PUT /v2/blobs/asked", { expect: "100-continue", "content-length": 5, ...headers });
  const refusals: [Record<string, string | number>, number][] = [
    [{}, 401],
    [{ authorization, "content-length": maxBytes + 1 }, 413],
    [{ authorization, "content-encoding": "br" }, 415],
  ];
  for (const [headers, status] of refusals) {
    const connection = await openRaw(httpPort);
    connection.send(head(headers));
    const text = await connection.receive(/\r\n\r\n.*\}/);
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(text, /connection: close/i);
    await connection.closed();
  }
  await put("/v2/blobs/asked");
  const refused = await openRaw(httpPort);
  refused.send(head({ authorization, "if-none-match": "*" }));
  assert.match(await refused.receive(/\}/), /^HTTP\/1.1 412 /);
  assert.equal(service.state.putsWithBytes, before + 1);
  const allowed = await openRaw(httpPort);
  allowed.send(head({ authorization }));
  await allowed.receive(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
  allowed.send("hello");
  assert.equal(parseAnswer(await allowed.receive(/HTTP\/1.1 200 /)).status, 200);
});

test("other routes give leave at once, as they read what comes", async () => {
  const connection = await openRaw(httpPort);
  const type = { "content-type": "application/json" };
  connection.send(
    requestHead("POST /v2/chats", { authorization, expect: "100-continue", "content-length": 2, ...type }),
  );
  await connection.receive(/^HTTP\/1.1 100 Continue/);
  connection.send("{}");
  await connection.receive(/HTTP\/1.1 [24]\d\d/);
});

test("who sends on and on after a refusal still sees it, and is cut off", async () => {
  const connection = await openRaw(httpPort);
  connection.send(requestHead("PUT /v2/blobs/flood", { "content-length": 3_000_000 }));
  const megabyte = Buffer.alloc(1_000_000);
  const pump = () => {
    if (!connection.socket.destroyed && connection.socket.write(megabyte)) setImmediate(pump);
  };
  connection.socket.on("drain", pump);
  pump();
  const text = await connection.receive(/\}/);
  assert.match(text, /^HTTP\/1.1 401 /);
  assert.match(text, /connection: close/i);
  await connection.closed();
});

test("a body of unknown length over the limit is the service's to refuse; one that says so is not read", async () => {
  const before = service.state.puts;
  const answer = await exchange(
    httpPort,
    requestHead("PUT /v2/blobs/large", { authorization, "content-length": 5_368_709_120 }),
    "a little of it",
  );
  assert.deepEqual([answer.status, JSON.parse(answer.body).code], [413, "too-large"]);
  service.state.refusePut = fault("quota-exceeded");
  const quota = await put("/v2/blobs/large");
  service.state.refusePut = undefined;
  assert.deepEqual([quota.status, JSON.parse(quota.body).code], [413, "quota-exceeded"]);
  assert.equal(service.state.puts, before + 1);
});

test("chunked bodies are stored, and one that ends in the middle is not", async () => {
  const chunked = { authorization, "transfer-encoding": "chunked" };
  const whole = await exchange(
    httpPort,
    requestHead("PUT /v2/blobs/chunked", chunked),
    "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
  );
  assert.equal(whole.status, 201);
  assert.equal(service.blobs.get("chunked")?.bytes.toString(), "hello");
  const broken = service.state.brokenPuts;
  for (const headers of [chunked, { authorization, "content-length": 100 }]) {
    const before = service.state.putsWithBytes;
    const connection = await openRaw(httpPort);
    connection.send(requestHead("PUT /v2/blobs/half", headers));
    connection.send("3\r\nhel\r\n");
    await until("the service reads", () => service.state.putsWithBytes > before);
    connection.socket.destroy();
  }
  await until("both are broken off", () => service.state.brokenPuts === broken + 2);
  assert.equal(service.blobs.has("half"), false);
  const garbled = await exchange(httpPort, requestHead("PUT /v2/blobs/half", chunked), "zz\r\nhel\r\n");
  assert.equal(garbled.status, 400);
  assert.equal(service.blobs.has("half"), false);
});

test("a client that stands still in mid-body is told so and cut off", async () => {
  const stalled = await openRaw(impatient.httpPort);
  const own = { authorization: `Bearer ${impatient.token}` };
  stalled.send(requestHead("PUT /v2/blobs/stalled", { ...own, "content-length": 100 }));
  stalled.send("some");
  const text = await stalled.receive(/\}/);
  assert.match(text, /^HTTP\/1.1 408 /);
  assert.match(text, /"code":"request-timeout"/);
  await stalled.closed();
  assert.equal(service.blobs.has("stalled"), false);
});

test("bodies of all other routes keep their deadline", async () => {
  for (const line of ["POST /v2/chats", "POST /parley.v2.MessengerService/CreateChat", "POST /nowhere"]) {
    const connection = await openRaw(impatient.httpPort);
    const own = { authorization: `Bearer ${impatient.token}`, "content-type": "application/json" };
    connection.send(requestHead(line, { ...own, "content-length": 100 }));
    connection.send("{");
    await connection.closed();
    assert.match(connection.received(), /^HTTP\/1.1 (408|404) /, line);
  }
});

test("transfers of one user at once are bounded", async () => {
  const open = await Promise.all([1, 2].map(() => openRaw(httpPort)));
  const before = service.state.putsWithBytes;
  for (const connection of open) {
    connection.send(requestHead("PUT /v2/blobs/many", { authorization, "content-length": 5 }));
  }
  await until("both are read", () => service.state.putsWithBytes === before + 2);
  const third = await put("/v2/blobs/many");
  assert.deepEqual([third.status, JSON.parse(third.body).code], [429, "too-many-requests"]);
  for (const connection of open) {
    connection.send("hello");
    assert.match(await connection.receive(/\}/), /^HTTP\/1.1 20[01] /);
  }
});

test("the contract's list stays where it is, and other methods are told what there is", async () => {
  const headers = { authorization };
  const list = await fetch(`${gateway.url}/v2/blobs`, { headers });
  assert.equal(list.status, 200);
  assert.ok(((await list.json()) as { blobs: unknown[] }).blobs.length > 0);
  const other = await fetch(`${gateway.url}/v2/blobs/x`, { method: "PATCH", headers, body: "x" });
  assert.deepEqual([other.status, other.headers.get("allow")], [405, "PUT, GET, HEAD, DELETE, OPTIONS"]);
  const options = await fetch(`${gateway.url}/v2/blobs/x`, { method: "OPTIONS" });
  assert.deepEqual([options.status, options.headers.get("allow")], [204, "PUT, GET, HEAD, DELETE, OPTIONS"]);
});

test("delete: gone is gone, and a condition is kept to", async () => {
  const { headers } = await put("/v2/blobs/doomed");
  const remove = (conditions: Record<string, string> = {}) =>
    exchange(httpPort, requestHead("DELETE /v2/blobs/doomed", { authorization, ...conditions }));
  assert.equal((await remove({ "if-match": '"other"' })).status, 412);
  assert.equal((await remove({ "if-match": '"other", "another"' })).status, 412);
  assert.equal((await remove({ "if-match": `W/${headers.etag}` })).status, 412);
  assert.equal((await remove({ "if-none-match": "*" })).status, 400);
  assert.ok(service.blobs.has("doomed"));
  assert.equal((await remove({ "if-match": `"other", ${headers.etag}` })).status, 204);
  assert.equal((await remove({ "if-match": "*" })).status, 412);
  assert.equal((await remove()).status, 204);
});

test("bytes in a transfer coding that nobody takes away are refused", async () => {
  const putIn = (coding: string) => {
    const head = requestHead("PUT /v2/blobs/coded", { authorization, "transfer-encoding": coding });
    return exchange(httpPort, head, "2\r\nhi\r\n0\r\n\r\n");
  };
  const { status, body } = await putIn("gzip, chunked");
  assert.deepEqual([status, JSON.parse(body).code], [415, "unsupported-media-type"]);
  assert.equal((await putIn("Chunked")).status, 201);
});
