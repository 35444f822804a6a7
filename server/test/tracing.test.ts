/** One trace follows a message from where it is accepted to where it is pushed, whatever the transport and the pod. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { MessengerService } from "@parley/api/v2/messenger";
import { createLocalBus } from "#platform/bus.ts";
import { type CollectedSpan, startCollector } from "#test/collector.ts";
import { createTestDatabase } from "#test/database.ts";
import { startParley } from "#test/parley.ts";
import { createAccount, password } from "#test/people.ts";
import { SocketClient } from "#test/socket-client.ts";
import { clientSpanOf, newTraceparent, traceIdOf, wayTo } from "#test/trace-reading.ts";

const collector = await startCollector();
const { url: DATABASE_URL } = await createTestDatabase();
const bus = createLocalBus((error) => {
  throw error;
});
const shared = { DATABASE_URL, PARLEY_SECRET_KEY: randomBytes(32).toString("base64") };
/** Records what the client asks for only. */
const traced = { ...shared, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER_ARG: "0" };
const near = await startParley({ ...traced, OTEL_SERVICE_NAME: "near" }, { bus });
const far = await startParley({ ...traced, OTEL_SERVICE_NAME: "far" }, { bus });

const alice = await createAccount(near.url, "alice");
const bob = await createAccount(near.url, "bob");
const { chat } = await post("/v2/chats", { kind: "direct", memberIds: [bob.id] }, alice.token);
const chatId: string = chat.id;
const atFar = await SocketClient.open(far.wsUrl, bob.token);
const atNear = await SocketClient.open(near.wsUrl, alice.token);
await atFar.resume();

async function post(path: string, body: object, token?: string, headers: Record<string, string> = {}) {
  const response = await fetch(near.url + path, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...headers,
    },
    body: JSON.stringify(body),
  });
  return response.json();
}

const messagesPath = `/v2/chats/${chatId}/messages`;

/** What stands in the trace, once the push at the other pod is there. */
async function traceOf(traceparent: string, last = "push"): Promise<CollectedSpan[]> {
  const own = () => collector.spans.filter((span) => span.traceId === traceIdOf(traceparent));
  await collector.until(
    () =>
      own().some(({ name }) => name === last) &&
      own().some((s) => s.parentSpanId === clientSpanOf(traceparent)),
    `the trace's ${last}`,
  );
  return own();
}

const sendMessages = "parley.internal.v1.MessengerInternalService/SendMessages";
const secretText = "a text that nobody but the chat shall read";

const grpc = createClient(MessengerService, createGrpcTransport({ baseUrl: near.grpcUrl }));

const accepts: Record<string, { root: string; send(traceparent: string): Promise<unknown> }> = {
  REST: {
    root: "POST /v2/chats/{chatId}/messages",
    send: (traceparent) =>
      post(messagesPath, { clientId: randomUUID(), text: secretText }, alice.token, { traceparent }),
  },
  WebSocket: {
    root: "parley.v2.MessengerService/SendMessage",
    async send(traceparent) {
      const answers = atNear.strayAnswers.length;
      const params = { chatId, clientId: randomUUID(), text: secretText };
      atNear.send({ id: 1_000, call: "MessengerService/SendMessage", params, traceparent });
      await atNear.until(() => atNear.strayAnswers.length > answers, "the answer");
      assert.ok(atNear.strayAnswers.at(-1)?.result);
    },
  },
  gRPC: {
    root: "parley.v2.MessengerService/SendMessage",
    send: (traceparent) =>
      grpc.sendMessage(
        { chatId, clientId: randomUUID(), text: secretText },
        { headers: { authorization: `Bearer ${alice.token}`, traceparent } },
      ),
  },
};

for (const [transport, { root, send }] of Object.entries(accepts)) {
  test(`a message sent over ${transport} is one trace up to its push at another pod`, async () => {
    const traceparent = newTraceparent();
    await send(traceparent);
    const spans = await traceOf(traceparent);
    const push = spans.find(({ name }) => name === "push")!;
    assert.deepEqual(wayTo(spans, push), [
      `${root} (server, near)`,
      `${sendMessages} (client, near)`,
      `${sendMessages} (server, near)`,
      "publish (producer, near)",
      "push (consumer, far)",
    ]);
    assert.equal(push.attributes["parley.sockets"], "1");
    const commit = spans.find(({ name }) => name === "commit")!;
    assert.equal(wayTo(spans, commit).at(-2), `${sendMessages} (server, near)`);
    assert.equal(commit.attributes["db.query.summary"], "messenger.send-messages");
    const first = spans.find(({ name, kind }) => name === root && kind === 2)!;
    assert.equal(first.parentSpanId, clientSpanOf(traceparent));
    for (const span of spans) assert.ok(span.startNs <= span.endNs, `${span.name} ends after it starts`);
    const pushes = spans.filter(({ name }) => name === "push");
    assert.equal(pushes.length, 1, "once for each gateway that has somebody to push it to");
  });
}

test("a change of a chat is one trace as well, with its statements", async () => {
  const { message } = await post(messagesPath, { clientId: randomUUID(), text: "before" }, alice.token);
  const traceparent = newTraceparent();
  const response = await fetch(`${near.url}${messagesPath}/${message.id}`, {
    method: "PATCH",
    headers: { "content-type": "application/json", authorization: `Bearer ${alice.token}`, traceparent },
    body: JSON.stringify({ text: secretText }),
  });
  assert.equal(
    response.headers.get("trace-id"),
    traceIdOf(traceparent),
    "the client is told what to look for",
  );
  const spans = await traceOf(traceparent);
  const edit = "parley.v2.MessengerService/EditMessage";
  assert.deepEqual(wayTo(spans, spans.find(({ name }) => name === "push")!), [
    "PATCH /v2/chats/{chatId}/messages/{messageId} (server, near)",
    `${edit} (client, near)`,
    `${edit} (server, near)`,
    "publish (producer, near)",
    "push (consumer, far)",
  ]);
  const commit = spans.find(({ name }) => name === "commit")!;
  assert.equal(wayTo(spans, commit).at(-2), `${edit} (server, near)`);
});

test("sends that share a batch keep to their own traces", async () => {
  const traceparents = Array.from({ length: 8 }, () => newTraceparent());
  await Promise.all(traceparents.map((traceparent) => accepts.REST!.send(traceparent)));
  for (const traceparent of traceparents) {
    const names = (await traceOf(traceparent)).map(({ name }) => name).sort();
    const root = accepts.REST!.root;
    assert.deepEqual(names, [root, "commit", sendMessages, sendMessages, "publish", "push"].sort());
  }
});

test("a refused call's trace says so by its code, and the caller is told its id", async () => {
  const traceparent = newTraceparent();
  const path = `/v2/chats/${randomUUID()}/messages`;
  const told = await post(path, { clientId: "c", text: secretText }, alice.token, { traceparent });
  assert.equal(told.code, "chat-not-found");
  assert.equal(told.traceId, traceIdOf(traceparent));
  const spans = await traceOf(traceparent, sendMessages);
  const root = spans.find(({ kind, name }) => kind === 2 && name.startsWith("POST"))!;
  assert.equal(root.attributes["error.type"], "chat-not-found");
  assert.equal(root.attributes["http.response.status_code"], "404");
  assert.equal(root.isError, false, "the caller's mistake is no failure of the server");
});

test("an error over WebSocket carries the id of its trace", async () => {
  const traceparent = newTraceparent();
  const params = { chatId: randomUUID(), clientId: "c", text: secretText };
  const answers = atNear.strayAnswers.length;
  atNear.send({ id: 1_001, call: "MessengerService/SendMessage", params, traceparent });
  await atNear.until(() => atNear.strayAnswers.length > answers, "the answer");
  const { error } = atNear.strayAnswers.at(-1)!;
  assert.deepEqual([error?.code, error?.traceId], ["chat-not-found", traceIdOf(traceparent)]);
  const own = await atNear.ask("MessengerService/SendMessage", params);
  assert.match(own.error?.traceId ?? "", /^[0-9a-f]{32}$/);
});

test("what is not sampled is not exported, however it is sent", async () => {
  const unsampled = newTraceparent("00");
  for (const { send } of Object.values(accepts)) await send(unsampled);
  await accepts.REST!.send("no traceparent at all");
  const sampled = newTraceparent();
  await accepts.REST!.send(sampled);
  await traceOf(sampled);
  assert.equal(collector.spans.filter(({ traceId }) => traceId === traceIdOf(unsampled)).length, 0);
  const known = new Set(
    collector.spans.filter((span) => span.name.startsWith("POST")).map((s) => s.parentSpanId),
  );
  assert.ok(!known.has(""), "no trace has begun here");
});

test("a trace holds no text, no secret and no user", async () => {
  for (const { send } of Object.values(accepts)) {
    const traceparent = newTraceparent();
    await send(traceparent);
    await traceOf(traceparent);
  }
  assert.ok(collector.everything.includes(chatId), "the search would find what was there");
  for (const secret of [secretText, password, alice.token, bob.token, alice.id, bob.id, "@example.com"]) {
    assert.ok(!collector.everything.includes(secret), `${secret.slice(0, 20)} was exported`);
  }
});

test("a collector that is away changes nothing for anybody", async () => {
  const away = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_TRACES_SAMPLER: "always_on" };
  const pod = await startParley({ ...shared, ...away }, { bus });
  const socket = await SocketClient.open(pod.wsUrl, alice.token);
  const sends = Array.from({ length: 200 }, (_, i) =>
    socket.call("MessengerService/SendMessage", { chatId, clientId: `away-${i}`, text: `${i}` }),
  );
  const seqs = (await Promise.all(sends)).map(({ message }) => message.seq as number);
  assert.equal(new Set(seqs).size, 200);
  await atFar.until(() => seqs.every((seq) => atFar.seqs(chatId).includes(seq)), "the pushes");
});
