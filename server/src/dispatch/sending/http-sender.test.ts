import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { createSender } from "#dispatch/sending/http-sender.ts";
import type { SendOutcome } from "#dispatch/sending/sender.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { answerOf, providerAt, requestOf, startHttpProvider, startRawProvider } from "#test/raw-provider.ts";
import { until } from "#test/until.ts";

function senderFor(privateHosts: string[] = ["127.0.0.1"]) {
  const catalogue = { privateHosts: new Set(privateHosts) };
  const sender = createSender({ catalogue, telemetry: noTelemetry, log: createLog("silent") });
  after(() => sender.stop());
  return sender;
}

const good = answerOf('{"result":"HELLO"}');
const done: SendOutcome = { kind: "done", result: "HELLO" };
const lost: SendOutcome = { kind: "unknown", reason: "connection-lost" };
const sender = senderFor();

/** One request to a provider that answers with these bytes, and then ends the connection or leaves it open. */
async function outcomeOf(bytes: string | Buffer, ending: "end" | "reset" | "hang" = "hang", timeoutMs = 10_000) {
  const provider = await startRawProvider((socket) => {
    socket.write(bytes, () => {
      if (ending === "end") socket.end();
      if (ending === "reset") socket.resetAndDestroy();
    });
  });
  return sender.send(providerAt(provider.url, { timeoutMs }), requestOf());
}

describe("what is sent", () => {
  test("text, options of the processor before those of the provider, headers, and the request's id", async () => {
    let seen: unknown;
    const url = await startHttpProvider(async (request, response) => {
      const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
      const { authorization, "x-id": id, "accept-encoding": encoding } = request.headers;
      seen = { path: request.url, method: request.method, body, authorization, id, encoding };
      response.end('{"result":"HELLO"}');
    });
    const provider = providerAt(`${url}/a/b?c=d`, {
      headers: { authorization: "Bearer x" },
      idempotencyHeader: "x-id",
      options: { target: "en", tone: "dry" },
    });
    assert.deepEqual(await sender.send(provider, requestOf({ options: { target: "de", text: "no" } })), done);
    assert.deepEqual(seen, {
      path: "/a/b?c=d",
      method: "POST",
      body: { target: "de", tone: "dry", text: "hello" },
      authorization: "Bearer x",
      id: "request-1",
      encoding: "identity",
    });
  });

  test("a connection is used again", async () => {
    const provider = await startRawProvider((socket) => socket.write(good));
    const at = providerAt(provider.url, { concurrency: 1 });
    for (let i = 0; i < 5; i += 1) assert.deepEqual(await sender.send(at, requestOf()), done);
    assert.equal(provider.connections, 1);
  });

  test("no more connections than the provider's concurrency", async () => {
    const provider = await startRawProvider((socket) => socket.write(good));
    const at = providerAt(provider.url, { concurrency: 2 });
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => sender.send(at, requestOf())));
    assert.deepEqual(outcomes, [done, done, done, done]);
    assert.equal(provider.connections, 2);
  });
});

describe("leave to send", () => {
  test("is asked for when the connection is there, once, before anything is written", async () => {
    const provider = await startRawProvider((socket) => socket.write(good));
    const connectionsWhenAsked: number[] = [];
    const onSend = () => {
      assert.equal(provider.received.includes("hello"), false);
      connectionsWhenAsked.push(provider.connections);
      return true;
    };
    // The server may learn of the connection a moment after the client.
    assert.deepEqual(await sender.send(providerAt(provider.url), requestOf({ onSend })), done);
    assert.equal(connectionsWhenAsked.length, 1);
  });

  for (const [name, onSend] of [
    ["refused", () => false],
    ["that fails", () => assert.fail("broken")],
  ] as const) {
    test(`${name} leaves nothing on the wire, and the connection to the next one`, async () => {
      const provider = await startRawProvider((socket) => socket.write(good));
      const at = providerAt(provider.url, { concurrency: 1 });
      const refused = await sender.send(at, requestOf({ text: "secret", onSend }));
      assert.deepEqual(refused, { kind: "unsent", reason: "too-late" });
      assert.deepEqual(await sender.send(at, requestOf()), done);
      assert.deepEqual(await sender.send(at, requestOf({ onSend })), { kind: "unsent", reason: "too-late" });
      assert.deepEqual(await sender.send(at, requestOf()), done);
      assert.equal(provider.received.includes("secret"), false);
      assert.equal(provider.received.match(/POST/g)?.length, 2);
      assert.equal(provider.connections, 1);
    });
  }

  test("is not asked for where there is no connection", async () => {
    const onSend = () => assert.fail("asked");
    const gone = await sender.send(providerAt("http://127.0.0.1:1/"), requestOf({ onSend }));
    assert.deepEqual(gone, { kind: "unsent", reason: "connect" });
    const unnamed = await sender.send(providerAt("http://no-such-name.invalid/"), requestOf({ onSend }));
    assert.deepEqual(unnamed, { kind: "unsent", reason: "dns" });
  });
});

describe("statuses", () => {
  const date = "date: Sun, 06 Nov 1994 08:49:37 GMT";
  const later = "retry-after: Sun, 06 Nov 1994 08:50:07 GMT";
  const cases: [string, string[], SendOutcome][] = [
    ["429 No", ["retry-after: 7"], { kind: "refused", retryAfterMs: 7_000 }],
    ["429 No", [date, later], { kind: "refused", retryAfterMs: 30_000 }],
    ["429 No", [], { kind: "refused", retryAfterMs: undefined }],
    ["400 No", [], { kind: "rejected", reason: "http-400" }],
    ["413 No", [], { kind: "rejected", reason: "http-413" }],
    ["422 No", [], { kind: "rejected", reason: "http-422" }],
    ["401 No", [], { kind: "failed", reason: "http-401" }],
    ["503 No", ["retry-after: 7"], { kind: "failed", reason: "http-503" }],
    ["500 No", [], { kind: "failed", reason: "http-500" }],
    ["302 No", ["location: /elsewhere"], { kind: "failed", reason: "http-302" }],
    ["200 OK", ["content-encoding: gzip"], { kind: "failed", reason: "content-encoding" }],
  ];
  for (const [head, headers, outcome] of cases) {
    test(`${head} ${headers} is ${outcome.kind}`, async () => {
      assert.deepEqual(await outcomeOf(answerOf('{"result":"HELLO"}', head, headers)), outcome);
    });
  }

  test("a refusal counts as soon as its head is there; its connection ends when its body does not", async () => {
    let isClosed = false;
    const provider = await startRawProvider((socket) => {
      socket.on("close", () => {
        isClosed = true;
      });
      socket.write("HTTP/1.1 429 No\r\nretry-after: 1\r\ncontent-length: 10\r\n\r\nab");
    });
    const outcome = await sender.send(providerAt(provider.url, { timeoutMs: 60_000 }), requestOf());
    assert.deepEqual(outcome, { kind: "refused", retryAfterMs: 1_000 });
    await until("the connection ends", () => isClosed);
  });

  test("500, then HTML, then broken JSON, then a result, over one connection", async () => {
    const page = answerOf("<html>ok</html>", "200 OK", ["content-type: text/html"]);
    const answers = [answerOf("oops", "500 No"), page, answerOf('{"result":'), good];
    const provider = await startRawProvider((socket) => socket.write(answers.shift()!));
    const at = providerAt(provider.url, { concurrency: 1 });
    const outcomes: SendOutcome[] = [];
    for (let i = 0; i < 4; i += 1) outcomes.push(await sender.send(at, requestOf()));
    assert.deepEqual(outcomes, [
      { kind: "failed", reason: "http-500" },
      { kind: "failed", reason: "not-json" },
      { kind: "failed", reason: "not-json" },
      done,
    ]);
    assert.equal(provider.connections, 1);
  });
});

describe("answers of no use", () => {
  const cases: [string, string | Buffer, string][] = [
    ["empty", answerOf(""), "empty"],
    ["no content", "HTTP/1.1 204 No Content\r\n\r\n", "empty"],
    ["without a result", answerOf("{}"), "no-result"],
    ["a result that is no text", answerOf('{"result":5}'), "no-result"],
    ["null", answerOf("null"), "no-result"],
    ["half a surrogate pair", answerOf('{"result":"\\ud800"}'), "invalid-text"],
    ["U+0000", answerOf('{"result":"\\u0000"}'), "invalid-text"],
    ["not UTF-8", Buffer.from(answerOf('{"result":"\xe9\xe9"}').replace("17", "15"), "latin1"), "not-json"],
    ["too large, as it says", "HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n", "too-large"],
    ["too large", `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(1_100_000)}`, "too-large"],
    ["huge headers", `HTTP/1.1 200 OK\r\nx: ${"x".repeat(40_000)}`, "too-large"],
    ["no HTTP", "SSH-2.0-OpenSSH_9.9\r\n\r\n", "not-http"],
  ];
  for (const [name, bytes, reason] of cases) {
    test(name, async () => assert.deepEqual(await outcomeOf(bytes), { kind: "failed", reason }));
  }
});

describe("what nobody knows the outcome of", () => {
  const cases: [string, string, "end" | "reset"][] = [
    ["closed without an answer", "", "end"],
    ["reset without an answer", "", "reset"],
    ["half a head", "HTTP/1.1 200 OK\r\ncont", "end"],
    ["half a body", 'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"result"', "end"],
    ["half a body, and reset", 'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"result"', "reset"],
    ["chunks without an end", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n", "end"],
    ["100-continue that was not asked for", `HTTP/1.1 100 Continue\r\n\r\n${good}`, "end"],
  ];
  for (const [name, bytes, ending] of cases) {
    test(name, async () => assert.deepEqual(await outcomeOf(bytes, ending), lost));
  }

  for (const [name, bytes] of [
    ["no answer", ""],
    ["chunks without an end", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"],
  ] as const) {
    test(`${name} in time`, async () => {
      assert.deepEqual(await outcomeOf(bytes, "hang", 80), { kind: "unknown", reason: "timeout" });
    });
  }

  test("an answer that comes byte by byte ends with the time for all of it", async () => {
    const provider = await startRawProvider((socket) => {
      let at = 0;
      const timer = setInterval(() => socket.write(good[at++ % good.length]!), 20);
      socket.on("close", () => clearInterval(timer));
    });
    const outcome = await sender.send(providerAt(provider.url, { timeoutMs: 150 }), requestOf());
    assert.deepEqual(outcome, { kind: "unknown", reason: "timeout" });
  });

  test("an answer after its time is not taken for that of the next request", async () => {
    const provider = await startRawProvider((socket, piece) => {
      if (!piece.includes("late")) return socket.write(good);
      return setTimeout(() => socket.write(answerOf('{"result":"LATE"}')), 300);
    });
    const at = providerAt(provider.url, { timeoutMs: 100, concurrency: 1 });
    const late = await sender.send(at, requestOf({ text: "late" }));
    assert.deepEqual(late, { kind: "unknown", reason: "timeout" });
    assert.deepEqual(await sender.send(at, requestOf()), done);
    assert.equal(provider.connections, 2);
  });

  test("a connection that the provider closes when the second request comes: it is not sent again", async () => {
    const provider = await startRawProvider((socket, piece) => {
      if (piece.includes("second")) socket.resetAndDestroy();
      else socket.write(good);
    });
    const at = providerAt(provider.url);
    assert.deepEqual(await sender.send(at, requestOf()), done);
    assert.deepEqual(await sender.send(at, requestOf({ text: "second" })), lost);
    assert.equal(provider.received.match(/second/g)?.length, 1);
  });

  test("a connection that the provider closed while it was idle is not used", async () => {
    let closed = 0;
    const provider = await startRawProvider((socket) => {
      socket.on("close", () => {
        closed += 1;
      });
      socket.end(good);
    });
    const at = providerAt(provider.url);
    assert.deepEqual(await sender.send(at, requestOf()), done);
    await until("the connection is closed", () => closed === 1);
    assert.deepEqual(await sender.send(at, requestOf()), done);
  });
});

describe("when nobody waits any more", () => {
  const hanging = () => startRawProvider(() => {});

  test("before it is sent", async () => {
    const provider = await hanging();
    const at = providerAt(provider.url);
    const outcome = await sender.send(at, requestOf({ signal: AbortSignal.abort() }));
    assert.deepEqual(outcome, { kind: "unsent", reason: "cancelled" });
    assert.equal(provider.connections, 0);
  });

  test("while it waits for a connection: it is not sent when there is one", async () => {
    const provider = await hanging();
    const abort = new AbortController();
    const request = requestOf({ signal: abort.signal, onSend: () => assert.fail("asked") });
    const sending = sender.send(providerAt(provider.url), request);
    abort.abort();
    assert.deepEqual(await sending, { kind: "unsent", reason: "cancelled" });
    await until("the connection is there", () => provider.connections === 1);
    assert.equal(provider.received, "");
  });

  test("after it was sent: the connection ends", async () => {
    const provider = await hanging();
    const abort = new AbortController();
    const sending = sender.send(providerAt(provider.url), requestOf({ signal: abort.signal }));
    await until("it is sent", () => provider.received.includes("hello"));
    abort.abort();
    assert.deepEqual(await sending, { kind: "unknown", reason: "cancelled" });
  });

  test("a deadline of the caller's shorter than the provider's patience is the caller's affair", async () => {
    const provider = await hanging();
    const outcome = await sender.send(providerAt(provider.url), requestOf({ timeoutMs: 60 }));
    assert.deepEqual(outcome, { kind: "unknown", reason: "cancelled" });
  });

  test("what waits for a connection is bounded, also what was given up", async () => {
    const provider = await hanging();
    const at = providerAt(provider.url, { concurrency: 1 });
    const sent = sender.send(at, requestOf({ timeoutMs: 1_000 }));
    await until("it is sent", () => provider.received.includes("hello"));
    const given = await Promise.all([1, 2, 3].map(() => sender.send(at, requestOf({ timeoutMs: 20 }))));
    assert.deepEqual(given, [
      { kind: "unsent", reason: "cancelled" },
      { kind: "unsent", reason: "cancelled" },
      { kind: "unsent", reason: "connect" },
    ]);
    await sent;
  });

  test("a stopped sender gives up what is under way and sends no more", async () => {
    const provider = await hanging();
    const at = providerAt(provider.url, { concurrency: 1 });
    const stopped = senderFor();
    const sent = stopped.send(at, requestOf());
    const queued = stopped.send(at, requestOf({ text: "queued" }));
    await until("it is sent", () => provider.received.includes("hello"));
    await stopped.stop();
    assert.deepEqual(await sent, { kind: "unknown", reason: "cancelled" });
    assert.deepEqual(await queued, { kind: "unsent", reason: "cancelled" });
    assert.deepEqual(await stopped.send(at, requestOf()), { kind: "unsent", reason: "cancelled" });
    assert.equal(provider.received.includes("queued"), false);
  });
});

describe("private networks", () => {
  test("are refused, by address and by name, without a connection", async () => {
    const provider = await startRawProvider((socket) => socket.write(good));
    const strict = senderFor([]);
    const onSend = () => assert.fail("asked");
    const forms = ["127.0.0.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]", "localhost", "a.localhost"];
    for (const host of forms) {
      const at = providerAt(`http://${host}:${provider.port}/`);
      const outcome = await strict.send(at, requestOf({ onSend }));
      assert.deepEqual(outcome, { kind: "unsent", reason: "private-network" }, host);
    }
    assert.equal(provider.connections, 0);
  });

  test("are allowed where the host is named", async () => {
    const provider = await startRawProvider((socket) => socket.write(good));
    const at = providerAt(`http://localhost:${provider.port}/`);
    assert.deepEqual(await senderFor(["LOCALHOST"]).send(at, requestOf()), done);
  });
});

test("it never rejects, whatever comes, and leaves nothing behind", async () => {
  let bytes: Uint8Array = new Uint8Array();
  const provider = await startRawProvider((socket) => socket.end(bytes));
  const at = providerAt(provider.url, { timeoutMs: 2_000, headers: {} });
  const piece = fc.oneof(
    fc.constantFrom("HTTP/1.1 200 OK\r\n", "HTTP/1.1 429 \r\n", "content-length: 9\r\n", "\r\n", "{", '"result":"x"}'),
    fc.constantFrom("HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "retry-after: -1\r\n"),
    fc.constantFrom("transfer-encoding: chunked\r\n", "5\r\n", "0\r\n\r\n", good),
    fc.string(),
  );
  const kinds = new Set(["done", "refused", "rejected", "failed", "unknown"]);
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
      bytes = Buffer.from(pieces.join(""));
      const outcome = await sender.send(at, requestOf());
      assert.ok(kinds.has(outcome.kind), JSON.stringify(outcome));
    }),
    { numRuns: 300 },
  );
  const invalid = providerAt(provider.url, { headers: { "x y": "z" } });
  assert.deepEqual(await sender.send(invalid, requestOf()), { kind: "unsent", reason: "connect" });
});
