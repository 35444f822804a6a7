import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { createFakeBlobService } from "#test/fake-blob-service.ts";
import { startGateway } from "#test/gateway.ts";
import { exchange, openRaw, requestHead } from "#test/raw-http.ts";
import { until } from "#test/until.ts";

const service = createFakeBlobService();
const gateway = await startGateway({ routes: service.routes });
/** For tests of its impatience only: all others it would end when the machine stands still for a moment. */
const impatient = await startGateway({
  routes: service.routes,
  stallLimits: { clientMs: 400, serviceMs: 800 },
});
const ofImpatient = { authorization: `Bearer ${impatient.token}` };
const authorization = `Bearer ${gateway.token}`;
const { httpPort } = gateway;
const bytes = Buffer.from("0123456789".repeat(10));
const blob = service.keep("a/b.bin", bytes, "image/png", { author: "Zoë", "line-break": "a\r\nb: c" });
const digest = createHash("sha256").update(bytes).digest();
const etag = `"${digest.toString("hex")}"`;

function get(headers: Record<string, string> = {}, method = "GET", path = "/v2/blobs/a/b.bin") {
  return exchange(httpPort, requestHead(`${method} ${path}`, { authorization, ...headers }));
}

test("a get answers the bytes and what is known of them; a head the same without them", async () => {
  const answer = await get();
  assert.deepEqual([answer.status, answer.body], [200, bytes.toString()]);
  const { date: _, ratelimit: __, ...headers } = answer.headers;
  assert.deepEqual(headers, {
    "content-type": "image/png",
    "content-length": "100",
    etag,
    "last-modified": new Date(blob.updatedAtMs).toUTCString(),
    "accept-ranges": "bytes",
    "content-digest": `sha-256=:${digest.toString("base64")}:`,
    "cache-control": "private, no-cache",
    "content-disposition": 'inline; filename="b.bin"',
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "parley-meta-author": Buffer.from("Zoë").toString("latin1"),
    "parley-meta-line-break": "a  b: c",
    "ratelimit-policy": headers["ratelimit-policy"],
    connection: "close",
  });
  const head = await get({}, "HEAD");
  assert.deepEqual([head.status, head.body], [200, ""]);
  const { date: _d, ratelimit: _r, ...same } = head.headers;
  assert.deepEqual(same, headers);
});

test("one range", async () => {
  const cases: [string, string, string][] = [
    ["bytes=0-9", "0123456789", "bytes 0-9/100"],
    ["bytes=95-", "56789", "bytes 95-99/100"],
    ["bytes=-3", "789", "bytes 97-99/100"],
    ["bytes=-1000", bytes.toString(), "bytes 0-99/100"],
    ["bytes=90-1000", "0123456789", "bytes 90-99/100"],
    ["bytes=0-4,3-6", "0123456", "bytes 0-6/100"],
    ["BYTES = 5-5", "5", "bytes 5-5/100"],
    ["bytes=200-300,7-7", "7", "bytes 7-7/100"],
  ];
  for (const [range, body, contentRange] of cases) {
    const answer = await get({ range });
    assert.deepEqual([answer.status, answer.body], [206, body], range);
    assert.equal(answer.headers["content-range"], contentRange, range);
    assert.equal(answer.headers["content-length"], String(body.length), range);
    assert.equal(answer.headers["content-digest"], undefined);
    assert.equal(answer.headers["repr-digest"], `sha-256=:${digest.toString("base64")}:`);
  }
});

test("several ranges come in parts, in the order they were asked for", async () => {
  const answer = await get({ range: "bytes=90-91, 0-1, 50-52" });
  assert.equal(answer.status, 206);
  const [, boundary] = /^multipart\/byteranges; boundary=(\S+)$/.exec(answer.headers["content-type"]!)!;
  assert.equal(Number(answer.headers["content-length"]), answer.body.length);
  const parts = answer.body.split(`\r\n--${boundary}`).slice(1, -1);
  assert.ok(answer.body.endsWith(`\r\n--${boundary}--\r\n`));
  assert.deepEqual(
    parts.map((part) => part.replaceAll("\r\n", "|")),
    [
      "|content-type: image/png|content-range: bytes 90-91/100||01",
      "|content-type: image/png|content-range: bytes 0-1/100||01",
      "|content-type: image/png|content-range: bytes 50-52/100||012",
    ],
  );
});

test("ranges that mean nothing are ignored, and ones that are not there refused", async () => {
  const many = `bytes=${Array.from({ length: 17 }, (_, i) => `${i * 3}-${i * 3}`).join(",")}`;
  for (const range of ["lines=0-1", "bytes=9-3", "bytes=a-b", "bytes=", "bytes", "bytes=--1", many]) {
    assert.deepEqual([(await get({ range })).status, range], [200, range]);
  }
  for (const range of ["bytes=100-", "bytes=-0", "bytes=1000-2000,300-"]) {
    const answer = await get({ range });
    assert.deepEqual([answer.status, answer.headers["content-range"]], [416, "bytes */100"], range);
    assert.equal(JSON.parse(answer.body).code, "range-not-satisfiable");
  }
  assert.equal((await get({ range: "bytes=0-1" }, "HEAD")).status, 200);
  service.keep("empty", Buffer.alloc(0), "", {});
  const empty = (range: string) => get({ range }, "GET", "/v2/blobs/empty");
  assert.deepEqual([(await empty("bytes=0-")).status, (await empty("bytes=-5")).status], [416, 200]);
  assert.equal((await get({}, "GET", "/v2/blobs/empty")).headers["content-length"], "0");
});

test("conditions, in the order of the RFC", async () => {
  const before = new Date(blob.updatedAtMs - 60_000).toUTCString();
  const now = new Date(blob.updatedAtMs).toUTCString();
  const cases: [Record<string, string>, number][] = [
    [{ "if-none-match": etag }, 304],
    [{ "if-none-match": `"x", W/${etag}` }, 304],
    [{ "if-none-match": "*" }, 304],
    [{ "if-none-match": '"x"' }, 200],
    [{ "if-match": etag }, 200],
    [{ "if-match": `W/${etag}` }, 412],
    [{ "if-match": '"x"' }, 412],
    [{ "if-match": "*" }, 200],
    [{ "if-modified-since": now }, 304],
    [{ "if-modified-since": before }, 200],
    [{ "if-modified-since": "yesterday" }, 200],
    [{ "if-unmodified-since": now }, 200],
    [{ "if-unmodified-since": before }, 412],
    // The entity tag counts, not the date.
    [{ "if-none-match": '"x"', "if-modified-since": now }, 200],
    [{ "if-match": etag, "if-unmodified-since": before }, 200],
    [{ "if-match": '"x"', "if-none-match": etag }, 412],
    [{ "if-range": etag, range: "bytes=0-1" }, 206],
    [{ "if-range": `W/${etag}`, range: "bytes=0-1" }, 200],
    [{ "if-range": '"x"', range: "bytes=0-1" }, 200],
    [{ "if-range": now, range: "bytes=0-1" }, 200],
    [{ "if-none-match": etag, range: "bytes=1000-" }, 304],
    [{ "if-match": "nonsense" }, 400],
  ];
  for (const [headers, status] of cases) {
    const answer = await get(headers);
    assert.equal(answer.status, status, `${JSON.stringify(headers)} ${answer.body}`);
    if (status !== 304) continue;
    assert.deepEqual([answer.body, answer.headers.etag], ["", etag]);
    assert.equal(answer.headers["content-length"], undefined);
  }
  assert.equal((await get({ "if-match": "*" }, "GET", "/v2/blobs/nothing")).status, 404);
});

test("what is not there, and who may not", async () => {
  const missing = await get({}, "GET", "/v2/blobs/nothing");
  assert.deepEqual([missing.status, JSON.parse(missing.body).code], [404, "blob-not-found"]);
  const stranger = await exchange(httpPort, requestHead("GET /v2/blobs/a/b.bin", {}));
  assert.equal(stranger.status, 401);
  assert.equal((await get({}, "HEAD", "/v2/blobs/nothing")).body, "");
});

test("types that a browser could run are downloads, and any type is one when asked", async () => {
  const types: [string, string][] = [
    ["image/svg+xml", "attachment"],
    ["text/html", "attachment"],
    ["application/xhtml+xml", "attachment"],
    ["text/xml", "attachment"],
    ["application/pdf", "attachment"],
    ["text/javascript", "attachment"],
    ["image/PNG", "inline"],
    ["text/plain; charset=utf-8", "inline"],
    ["text/plain, text/html", "attachment"],
    ["", "attachment"],
    ["image/webp", "inline"],
  ];
  for (const [type, disposition] of types) {
    service.keep("typed", Buffer.from("<svg onload='alert(1)'/>"), type, {});
    const { headers } = await get({}, "GET", "/v2/blobs/typed");
    assert.match(headers["content-disposition"]!, new RegExp(`^${disposition};`), type);
    assert.equal(headers["x-content-type-options"], "nosniff");
  }
  for (const query of ["?download", "?download=1"]) {
    const { headers } = await get({}, "GET", `/v2/blobs/a/b.bin${query}`);
    assert.equal(headers["content-disposition"], 'attachment; filename="b.bin"');
  }
  assert.equal((await get({}, "GET", "/v2/blobs/a/b.bin?nonsense=1")).status, 400);
});

test("reading that fails before the answer has begun is told, and after it breaks the connection", async () => {
  const large = service.keep("large", randomBytes(1_000_000), "", {});
  service.state.failReadAfter = 0;
  const early = await get({}, "GET", "/v2/blobs/large");
  assert.deepEqual([early.status, JSON.parse(early.body).code], [503, "blob-store-unavailable"]);
  assert.ok(Number(early.headers["retry-after"]) > 0);
  service.state.failReadAfter = 200_000;
  const late = await get({}, "GET", "/v2/blobs/large");
  assert.equal(late.headers["content-length"], "1000000");
  assert.ok(late.body.length < 1_000_000);
  await assert.rejects(
    fetch(`${gateway.url}/v2/blobs/large`, { headers: { authorization } }).then((r) => r.arrayBuffer()),
  );
  service.state.failReadAfter = Number.POSITIVE_INFINITY;
  const whole = await fetch(`${gateway.url}/v2/blobs/large`, { headers: { authorization } });
  assert.ok(Buffer.from(await whole.arrayBuffer()).equals(large.bytes));
});

test("a service that stands still ends the transfer", async () => {
  service.state.isStuck = true;
  const answer = await exchange(impatient.httpPort, requestHead("GET /v2/blobs/a/b.bin", ofImpatient));
  service.state.isStuck = false;
  assert.deepEqual([answer.status, JSON.parse(answer.body).code], [504, "timeout"]);
});

test("a client that does not read is cut off", async () => {
  service.keep("huge", Buffer.alloc(64_000_000), "", {});
  const connection = await openRaw(impatient.httpPort);
  connection.socket.pause();
  const ended = service.state.endedReads;
  connection.send(requestHead("GET /v2/blobs/huge", ofImpatient));
  await until("the service is not read from any more", () => service.state.endedReads > ended);
  connection.socket.resume();
  await connection.closed();
  assert.ok(connection.received().length < 64_000_000);
});

test("transfers under way are finished before a gateway stops", async () => {
  const own = createFakeBlobService();
  const stopping = await startGateway({ routes: own.routes });
  const auth = { authorization: `Bearer ${stopping.token}` };
  const connection = await openRaw(stopping.httpPort);
  connection.send(requestHead("PUT /v2/blobs/last", { ...auth, "content-length": 5 }));
  await until("the put is under way", () => own.state.putsWithBytes === 1);
  const stopped = stopping.gateway.stop();
  connection.send("hello");
  assert.match(await connection.receive(/\}/), /^HTTP\/1.1 201 /);
  await stopped;
});
