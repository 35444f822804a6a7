/** What came of a request, for every kind of answer that a provider may give. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { createSender } from "#dispatch/sending/http-sender.ts";
import type { SendOutcome } from "#dispatch/sending/sender.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { answerOf, providerAt, requestOf, startRawProvider, untilConnected } from "#test/raw-provider.ts";
import { until } from "#test/until.ts";

const good = answerOf('{"result":"HELLO"}');
const done: SendOutcome = { kind: "done", result: "HELLO" };
const lost: SendOutcome = { kind: "unknown", reason: "connection-lost" };
const sender = createSender({
  catalogue: { privateHosts: new Set(["127.0.0.1"]) },
  telemetry: noTelemetry,
  log: createLog("silent"),
});
after(() => sender.stop());

/** One request to a provider that answers with these bytes, and then ends the connection or leaves it open. */
async function outcomeOf(bytes: string | Buffer, ending: "end" | "reset" | "hang" = "hang") {
  const provider = await startRawProvider((socket) => {
    socket.write(bytes, () => {
      if (ending === "end") socket.end();
      if (ending === "reset") socket.resetAndDestroy();
    });
  });
  return sender.send(providerAt(provider.url), requestOf());
}

/**
 * One request with little time, over a connection that is there: how long it takes to connect on a busy machine is not the question.
 * `answer` is called when the request has come.
 */
async function hurriedOutcome(timeoutMs: number, answer: (socket: Socket) => void) {
  const provider = await startRawProvider((socket, piece) => {
    if (piece.includes("hurried")) answer(socket);
    else socket.write(good);
  });
  const at = providerAt(provider.url, { timeoutMs, concurrency: 1 });
  await untilConnected(sender, at);
  return sender.send(at, requestOf({ text: "hurried" }));
}

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
    ["broken chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "not-http"],
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
    [
      "half of the last body",
      'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 20\r\n\r\n{"re',
      "end",
    ],
    [
      "half of the last chunks",
      "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{",
      "end",
    ],
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
      const outcome = await hurriedOutcome(80, (socket) => void socket.write(bytes));
      assert.deepEqual(outcome, { kind: "unknown", reason: "timeout" });
    });
  }

  test("an answer that comes byte by byte ends with the time for all of it", async () => {
    const outcome = await hurriedOutcome(150, (socket) => {
      let at = 0;
      const timer = setInterval(() => socket.write(good[at++ % good.length]!), 20);
      socket.on("close", () => clearInterval(timer));
    });
    assert.deepEqual(outcome, { kind: "unknown", reason: "timeout" });
  });

  test("an answer after its time is not taken for that of the next request", async () => {
    const provider = await startRawProvider((socket, piece) => {
      if (!piece.includes("late")) return socket.write(good);
      return setTimeout(() => socket.write(answerOf('{"result":"LATE"}')), 300);
    });
    const at = providerAt(provider.url, { timeoutMs: 100, concurrency: 1 });
    await untilConnected(sender, at);
    const before = provider.connections;
    const late = await sender.send(at, requestOf({ text: "late" }));
    assert.deepEqual(late, { kind: "unknown", reason: "timeout" });
    // On a busy machine that may take several: each of them has little time too.
    await until("the next one is answered", async () => {
      const next = await sender.send(at, requestOf());
      assert.notDeepEqual(next, { kind: "done", result: "LATE" });
      return next.kind === "done";
    });
    assert.ok(provider.connections > before);
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

test("it never rejects, whatever comes, and leaves nothing behind", async () => {
  let bytes: Uint8Array = new Uint8Array();
  const provider = await startRawProvider((socket) => socket.end(bytes));
  const at = providerAt(provider.url, { timeoutMs: 2_000, headers: {} });
  const piece = fc.oneof(
    fc.constantFrom(
      "HTTP/1.1 200 OK\r\n",
      "HTTP/1.1 429 \r\n",
      "content-length: 9\r\n",
      "\r\n",
      "{",
      '"result":"x"}',
    ),
    fc.constantFrom(
      "HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
      "retry-after: -1\r\n",
    ),
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
