import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { createSender } from "#dispatch/sending/http-sender.ts";
import type { ResolveAll } from "#dispatch/sending/public-lookup.ts";
import type { SendOutcome } from "#dispatch/sending/sender.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import {
  answerOf,
  providerAt,
  requestOf,
  startHttpProvider,
  startRawProvider,
  untilConnected,
} from "#test/raw-provider.ts";
import { until } from "#test/until.ts";

function senderFor(privateHosts: string[] = ["127.0.0.1"], resolve?: ResolveAll) {
  const catalogue = { privateHosts: new Set(privateHosts) };
  const options = { catalogue, telemetry: noTelemetry, log: createLog("silent") };
  const sender = createSender(resolve ? { ...options, resolve } : options);
  after(() => sender.stop());
  return sender;
}

const good = answerOf('{"result":"HELLO"}');
const done: SendOutcome = { kind: "done", result: "HELLO" };
const sender = senderFor();

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
    // As the system says it; where there is no network, that may take long.
    const notFound = Object.assign(new Error("ENOTFOUND"), { code: "ENOTFOUND", syscall: "getaddrinfo" });
    const nameless = senderFor([], (_host, _options, resolved) => resolved(notFound, []));
    const unnamed = await nameless.send(providerAt("http://no-such-name.invalid/"), requestOf({ onSend }));
    assert.deepEqual(unnamed, { kind: "unsent", reason: "dns" });
  });
});

describe("TLS", () => {
  const request = requestOf({ onSend: () => assert.fail("asked") });

  test("with something that does not speak it: nothing is sent", async () => {
    const provider = await startRawProvider((socket) => socket.write(good));
    const at = providerAt(provider.url.replace("http:", "https:"));
    assert.deepEqual(await sender.send(at, request), { kind: "unsent", reason: "connect" });
  });

  test("with something that never answers ends in time, and nothing is sent", async () => {
    const provider = await startRawProvider(() => {});
    const at = providerAt(provider.url.replace("http:", "https:"), { timeoutMs: 100 });
    assert.deepEqual(await sender.send(at, request), { kind: "unsent", reason: "connect" });
    assert.equal(provider.received.includes("hello"), false);
  });
});

describe("when nobody waits any more", () => {
  const hanging = () => startRawProvider(() => {});
  /** What it does not know it leaves unanswered. */
  const knowingLittle = () =>
    startRawProvider((socket, piece) => void (piece.includes("there?") && socket.write(good)));

  test("before it is sent", async () => {
    const provider = await hanging();
    const at = providerAt(provider.url);
    const outcome = await sender.send(at, requestOf({ signal: AbortSignal.abort() }));
    assert.deepEqual(outcome, { kind: "unsent", reason: "cancelled" });
    assert.equal(provider.connections, 0);
  });

  test("while it waits for a connection: it is not sent when there is one", async () => {
    const provider = await startRawProvider((socket) => socket.write(good));
    const at = providerAt(provider.url, { concurrency: 1 });
    const abort = new AbortController();
    let asked = 0;
    const onSend = () => {
      asked += 1;
      return true;
    };
    const sending = sender.send(at, requestOf({ text: "given up", signal: abort.signal, onSend }));
    abort.abort();
    assert.deepEqual(await sending, { kind: "unsent", reason: "cancelled" });
    // Stands in line behind it.
    assert.deepEqual(await sender.send(at, requestOf()), done);
    assert.equal(asked, 0);
    assert.equal(provider.received.match(/POST/g)?.length, 1);
    assert.equal(provider.received.includes("given up"), false);
  });

  test("after it was sent: the connection ends", async () => {
    const provider = await hanging();
    const abort = new AbortController();
    const sending = sender.send(providerAt(provider.url), requestOf({ signal: abort.signal }));
    await until("it is sent", () => provider.received.includes("hello"));
    abort.abort();
    assert.deepEqual(await sending, { kind: "unknown", reason: "cancelled" });
  });

  test("a deadline of the caller's like the provider's own is the provider's affair", async () => {
    const provider = await knowingLittle();
    const at = providerAt(provider.url, { timeoutMs: 80, concurrency: 1 });
    await untilConnected(sender, at);
    const outcome = await sender.send(at, requestOf({ timeoutMs: 70 }));
    assert.deepEqual(outcome, { kind: "unknown", reason: "timeout" });
  });

  test("a deadline of the caller's much shorter than the provider's patience is the caller's affair", async () => {
    const provider = await knowingLittle();
    const at = providerAt(provider.url, { concurrency: 1 });
    await untilConnected(sender, at);
    const outcome = await sender.send(at, requestOf({ timeoutMs: 60 }));
    assert.deepEqual(outcome, { kind: "unknown", reason: "cancelled" });
  });

  test("what waits for a connection is bounded, also what was given up", async () => {
    const provider = await hanging();
    const at = providerAt(provider.url, { concurrency: 1 });
    const gone = new AbortController();
    const sent = sender.send(at, requestOf({ signal: gone.signal }));
    await until("it is sent", () => provider.received.includes("hello"));
    const given = await Promise.all([1, 2, 3].map(() => sender.send(at, requestOf({ timeoutMs: 20 }))));
    assert.deepEqual(given, [
      { kind: "unsent", reason: "cancelled" },
      { kind: "unsent", reason: "cancelled" },
      { kind: "unsent", reason: "connect" },
    ]);
    gone.abort();
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
    const forms = [
      "127.0.0.1",
      "0x7f.1",
      "2130706433",
      "0177.0.0.1",
      "[::ffff:127.0.0.1]",
      "localhost",
      "a.localhost",
    ];
    for (const host of forms) {
      const at = providerAt(`http://${host}:${provider.port}/`);
      const outcome = await strict.send(at, requestOf({ onSend }));
      assert.deepEqual(outcome, { kind: "unsent", reason: "private-network" }, host);
    }
    assert.equal(provider.connections, 0);
  });

  test("are refused by what a name leads to at the moment of connecting", async () => {
    const provider = await startRawProvider((socket) => socket.end(good));
    let address = "127.0.0.1";
    const resolve: ResolveAll = (_host, _options, resolved) => resolved(null, [{ address, family: 4 }]);
    const rebinding = senderFor(["127.0.0.1"], resolve);
    const at = providerAt(`http://api.example.com:${provider.port}/`, { concurrency: 1 });
    assert.deepEqual(await rebinding.send(at, requestOf()), done);
    address = "127.0.0.9";
    await until(
      "a new connection is needed",
      async () => (await rebinding.send(at, requestOf())).kind !== "done",
    );
    assert.deepEqual(await rebinding.send(at, requestOf()), { kind: "unsent", reason: "private-network" });
    assert.equal(provider.connections, 1);
  });

  test("are allowed where the host is named", async () => {
    const provider = await startRawProvider((socket) => socket.write(good));
    const at = providerAt(`http://localhost:${provider.port}/`);
    assert.deepEqual(await senderFor(["localhost"]).send(at, requestOf()), done);
  });
});
