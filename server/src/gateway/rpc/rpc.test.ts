import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Client, Code, type ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { AuthService } from "@parley/api/v2/auth";
import { EditMessageRequestSchema, MessengerService } from "@parley/api/v2/messenger";
import { RealtimeService } from "@parley/api/v2/realtime";
import { UserService } from "@parley/api/v2/user";
import { dropEndlessTimeout } from "#gateway/rpc/rpc.ts";
import { toPublicError } from "#platform/errors.ts";
import { bugText, chatId, slowText, startGateway, strangerId, userId } from "#test/gateway.ts";
import { until } from "#test/until.ts";

const callTimeoutMs = 10_000;
const gateway = await startGateway({
  config: { PARLEY_MAX_BODY_BYTES: 8_192, PARLEY_CALL_TIMEOUT_MS: callTimeoutMs },
});
const headers = { authorization: `Bearer ${gateway.token}` };

const http1 = { baseUrl: gateway.url, httpVersion: "1.1" } as const;
const transports: Record<string, Transport> = {
  gRPC: createGrpcTransport({ baseUrl: gateway.grpcUrl }),
  "gRPC, JSON": createGrpcTransport({ baseUrl: gateway.grpcUrl, useBinaryFormat: false }),
  "gRPC, gzip": createGrpcTransport({
    baseUrl: gateway.grpcUrl,
    sendCompression: compressionGzip,
    compressMinBytes: 1,
  }),
  "gRPC-Web": createGrpcWebTransport(http1),
  "gRPC-Web, JSON": createGrpcWebTransport({ ...http1, useBinaryFormat: false }),
  "Connect, JSON": createConnectTransport({ ...http1, useBinaryFormat: false }),
  "Connect, binary": createConnectTransport({ ...http1, useBinaryFormat: true }),
  "Connect, gzip": createConnectTransport({
    ...http1,
    sendCompression: compressionGzip,
    compressMinBytes: 1,
  }),
  "Connect over HTTP/2": createConnectTransport({ baseUrl: gateway.grpcUrl, httpVersion: "2" }),
};

async function rejected(call: Promise<unknown>) {
  const error = await call.then(
    () => assert.fail("it was not refused"),
    (reason) => reason,
  );
  const told = toPublicError(error);
  return { grpc: (error as ConnectError).code, ...told, error: error as ConnectError };
}

for (const [name, transport] of Object.entries(transports)) {
  const messenger: Client<typeof MessengerService> = createClient(MessengerService, transport);
  const edit = (text: string, options = {}) =>
    messenger.editMessage({ chatId, messageId: "m", text }, { headers, ...options });

  test(`${name}: calls, with the caller known to the service`, async () => {
    const { message } = await edit("hello");
    assert.deepEqual([message?.text, message?.senderId, message?.reactions], ["hello", userId, []]);
    const page = await messenger.listMessages({ chatId, limit: 3 }, { headers });
    assert.equal(page.messages.length, 3);
  });

  test(`${name}: errors carry the code and the fields of the registry`, async () => {
    const invalid = await rejected(messenger.getChat({ chatId: "x" }, { headers }));
    assert.deepEqual([invalid.grpc, invalid.code], [Code.InvalidArgument, "invalid-input"]);
    assert.deepEqual(
      invalid.violations.map((violation) => violation.field),
      ["chatId"],
    );
    assert.equal((await rejected(messenger.getChat({ chatId }))).code, "unauthenticated");
    const missing = await rejected(messenger.getChat({ chatId: strangerId }, { headers }));
    assert.deepEqual([missing.grpc, missing.code], [Code.NotFound, "chat-not-found"]);
    assert.equal((await rejected(edit("x".repeat(10_000)))).code, "too-large");
    assert.equal((await rejected(edit("\0"))).code, "invalid-input");
    const realtime = createClient(RealtimeService, transport);
    assert.equal((await rejected(realtime.sendTyping({ chatId }, { headers }))).grpc, Code.Unimplemented);
  });

  test(`${name}: an unexpected error tells nothing but a trace id`, async () => {
    const { code, error } = await rejected(edit(bugText));
    assert.equal(code, "internal");
    assert.doesNotMatch(error.message, /secret/);
    assert.match(error.metadata.get("trace-id") ?? "", /^[0-9a-f]{32}$/);
  });

  test(`${name}: the client's deadline reaches the service`, async () => {
    const before = gateway.seen.length;
    const timeoutMs = callTimeoutMs - 1_000;
    const gone = new AbortController();
    const given = rejected(edit(slowText, { timeoutMs, signal: gone.signal }));
    await until("the service is asked", () => gateway.seen.length > before);
    const { timeoutMs: left } = gateway.seen.at(-1)!;
    assert.ok(left !== undefined && left > 0 && left <= timeoutMs, `${left} ms`);
    gone.abort();
    assert.equal((await given).grpc, Code.Canceled);
  });

  test(`${name}: the client is told of its own deadline`, async () => {
    const { grpc } = await rejected(edit(slowText, { timeoutMs: 200 }));
    assert.equal(grpc, Code.DeadlineExceeded);
  });

  test(`${name}: public methods need no token`, async () => {
    const auth = createClient(AuthService, transport);
    assert.equal((await auth.getJwks({})).keys.length, 1);
    assert.equal((await rejected(createClient(UserService, transport).getMe({}))).code, "unauthenticated");
  });
}

/** A raw POST of a Connect call. */
async function post(body: BodyInit, init: Record<string, string> = {}) {
  const response = await fetch(`${gateway.url}/parley.v2.MessengerService/EditMessage`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", ...init },
    body,
  });
  return { status: response.status, text: await response.text() };
}

const codeOf = (text: string) => JSON.parse(text).details?.[0]?.debug?.code;

test("bad bodies of Connect calls are told as on REST", async () => {
  const proto = { "content-type": "application/proto" };
  const bytes = toBinary(
    EditMessageRequestSchema,
    create(EditMessageRequestSchema, { chatId, messageId: "m", text: "x" }),
  );
  const badUtf8 = Uint8Array.from([0x1a, 0x02, 0xc3, 0x28]);
  const bad: [BodyInit, Record<string, string>, string][] = [
    ['{"chatId":', {}, "malformed-request"],
    ['{"chatID":"x"}', {}, "invalid-input"],
    ['{"text":5}', {}, "invalid-input"],
    [Uint8Array.from([0x22, 0xff, 0x22]), {}, "malformed-request"],
    [bytes.subarray(0, 20).slice(), proto, "malformed-request"],
    [badUtf8, proto, "malformed-request"],
    ["no gzip", { "content-encoding": "gzip" }, "malformed-request"],
    [gzipSync("x".repeat(100_000)), { "content-encoding": "gzip" }, "too-large"],
    [gzipSync(Buffer.alloc(50_000_000)), { "content-encoding": "gzip" }, "too-large"],
  ];
  for (const [body, init, code] of bad) {
    const { status, text } = await post(body, init);
    assert.equal(codeOf(text), code, text);
    assert.ok(status >= 400 && status < 500, `${status} ${text}`);
  }
});

test("other content types, encodings and methods are refused", async () => {
  assert.equal((await post("x", { "content-type": "text/plain" })).status, 415);
  const zstd = await post("{}", { "content-encoding": "zstd" });
  assert.deepEqual([zstd.status, codeOf(zstd.text)], [400, "unsupported-media-type"]);
  const get = await fetch(`${gateway.url}/parley.v2.MessengerService/EditMessage`, { headers });
  assert.equal(get.status, 405);
  assert.equal(
    (await fetch(`${gateway.url}/parley.v2.MessengerService/Nothing`, { method: "POST" })).status,
    404,
  );
});

/** A raw HTTP/2 request, whose body the test writes as it likes. */
function openStream(session: ClientHttp2Session, credentials = headers) {
  const stream = session.request({
    ":method": "POST",
    ":path": "/parley.v2.MessengerService/EditMessage",
    "content-type": "application/grpc",
    ...credentials,
  });
  stream.resume();
  const status = new Promise<unknown>((resolve) => {
    stream.on("trailers", (trailers) => resolve(trailers["grpc-status"]));
    stream.on("response", (head) => {
      if (head["grpc-status"] !== undefined) resolve(head["grpc-status"]);
    });
  });
  return { stream, status };
}

test("an oversized gRPC body is answered before it has been sent, and its stream ended", async () => {
  const session = connectHttp2(gateway.grpcUrl);
  const { stream, status } = openStream(session);
  const closed = once(stream, "close");
  stream.write(Buffer.alloc(1_000_000));
  assert.equal(await status, String(Code.ResourceExhausted));
  await closed;
  session.close();
});

test("a gRPC body that does not come is not waited for beyond the deadline", async () => {
  const impatient = await startGateway({ config: { PARLEY_CALL_TIMEOUT_MS: 300 } });
  const session = connectHttp2(impatient.grpcUrl);
  const { stream, status } = openStream(session, { authorization: `Bearer ${impatient.token}` });
  stream.write(Buffer.from([0, 0, 0]));
  assert.equal(await status, String(Code.DeadlineExceeded));
  session.destroy();
});

test("broken gRPC frames get a gRPC error, not a crash", async () => {
  const session = connectHttp2(gateway.grpcUrl);
  const frames = [[0, 0, 0, 0, 9, 1], [0, 0, 0], [], [2, 0, 0, 0, 0], [0, 0, 0, 0, 2, 0x1a, 0xff]];
  for (const frame of frames) {
    const { stream, status } = openStream(session);
    stream.end(Buffer.from(frame));
    assert.equal(await status, String(Code.InvalidArgument), JSON.stringify(frame));
  }
  const unknown = session.request({ ":method": "POST", ":path": "/x", "content-type": "application/grpc" });
  const status = await new Promise((resolve) => unknown.on("response", (head) => resolve(head[":status"])));
  assert.equal(status, 404);
  unknown.close(constants.NGHTTP2_NO_ERROR);
  session.close();
});

test("answers are not compressed by Brotli, whose highest quality takes seconds of a processor", async () => {
  const answer = await fetch(`${gateway.url}/parley.v2.MessengerService/ListMessages`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", "accept-encoding": "br" },
    body: JSON.stringify({ chatId, limit: 50 }),
  });
  assert.deepEqual([answer.status, answer.headers.get("content-encoding")], [200, null]);
  assert.equal((await answer.json()).messages.length, 50);
});

for (const [name, timeout, isKept] of [
  ["connect-timeout-ms", "9999999999", false],
  ["connect-timeout-ms", "2147483647", true],
  ["grpc-timeout", "9999999H", false],
  ["grpc-timeout", "2147484S", false],
  ["grpc-timeout", "2147483S", true],
] as const) {
  // A timer beyond its range fires at once and would end the call.
  test(`${name}: ${timeout} is ${isKept ? "kept" : "dropped"}`, () => {
    const header = new Headers({ [name]: timeout });
    dropEndlessTimeout(header);
    assert.equal(header.get(name), isKept ? timeout : null);
  });
}

test("a Connect call with a timeout beyond a timer's range is answered", async () => {
  const endless = { ...headers, "connect-timeout-ms": "9999999999" };
  const messenger = createClient(MessengerService, transports["Connect, JSON"]!);
  const page = await messenger.listMessages({ chatId, limit: 50 }, { headers: endless });
  assert.equal(page.messages.length, 50);
});
