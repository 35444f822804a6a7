/** One trace over the wire: two gateways and the services, each with gRPC and Redis between them. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { createLog } from "#platform/log.ts";
import { startCollector } from "#test/collector.ts";
import { createTestDatabase } from "#test/database.ts";
import { ampleLimits, cheapHashing, startPod } from "#test/parley.ts";
import { createAccount } from "#test/people.ts";
import { startRedis, withoutRedis } from "#test/redis-server.ts";
import { startServicesApart } from "#test/services-apart.ts";
import { SocketClient } from "#test/socket-client.ts";
import { clientSpanOf, newTraceparent, traceIdOf, wayTo } from "#test/trace-reading.ts";
import { until } from "#test/until.ts";

const secretText = "a text that nobody but the chat shall read";

describe("one trace over the wire", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const collector = await startCollector();
  const redis = await startRedis();
  const { url: DATABASE_URL, database } = await createTestDatabase();
  const lines = new Map<string, string[]>();
  const secret = () => randomBytes(32).toString("base64");
  const shared = {
    REDIS_URL: redis.url,
    PARLEY_SERVICE_TOKEN: secret(),
    ...cheapHashing,
    ...ampleLimits,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    // Recorded is what the client asks for only.
    OTEL_TRACES_SAMPLER_ARG: "0",
  };
  const pod = (name: string, environment: Record<string, string>) => {
    const own: string[] = [];
    lines.set(name, own);
    const log = createLog("info", { write: (line) => void own.push(line) });
    return startPod({ ...shared, OTEL_SERVICE_NAME: name, ...environment }, { log });
  };
  const services = await startServicesApart((role, urls) => {
    const key = role === "identity" ? { PARLEY_SECRET_KEY: secret() } : {};
    return pod(role, { ...urls, ...key, DATABASE_URL, PARLEY_ROLES: role });
  });
  const behind = { ...services.urls, PARLEY_ROLES: "gateway" };
  const near = await pod("near", behind);
  const far = await pod("far", behind);
  const nearUrl = `http://127.0.0.1:${near.httpPort}`;

  interface Sent {
    method?: string;
    token?: string;
    traceparent?: string;
  }
  async function call(path: string, body: object, { method = "POST", token, traceparent }: Sent = {}) {
    const response = await fetch(`${nearUrl}${path}`, {
      method,
      headers: {
        "content-type": "application/json",
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(traceparent ? { traceparent } : {}),
      },
      body: JSON.stringify(body),
    });
    return response.json();
  }

  const alice = await createAccount(nearUrl, "alice");
  const bob = await createAccount(nearUrl, "bob");
  const direct = { kind: "direct", memberIds: [bob.id] };
  const { chat } = await call("/v2/chats", direct, { token: alice.token });
  const messagesPath = `/v2/chats/${chat.id}/messages`;
  const atFar = await SocketClient.open(`ws://127.0.0.1:${far.httpPort}/v2/ws`, bob.token);
  await atFar.resume();

  const spansOf = (traceparent: string) =>
    collector.spans.filter(({ traceId }) => traceId === traceIdOf(traceparent));
  const send = (traceparent: string) =>
    call(messagesPath, { clientId: randomUUID(), text: secretText }, { token: alice.token, traceparent });

  test("from the accept at one gateway over messenger, commit and Redis to the push at the other", async () => {
    const traceparent = newTraceparent();
    await send(traceparent);
    const names = ["push", "commit", "publish", "POST /v2/chats/{chatId}/messages"];
    await collector.until(
      () => names.every((name) => spansOf(traceparent).some((span) => span.name === name)),
      "the whole trace",
    );
    const spans = spansOf(traceparent);
    const sendMessages = "parley.internal.v1.MessengerInternalService/SendMessages";
    const toMessenger = [
      "POST /v2/chats/{chatId}/messages (server, near)",
      `${sendMessages} (client, near)`,
      `${sendMessages} (server, messenger)`,
    ];
    const wayOf = (name: string) => wayTo(spans, spans.find((span) => span.name === name)!);
    assert.deepEqual(wayOf("push"), [
      ...toMessenger,
      "publish (producer, messenger)",
      "push (consumer, far)",
    ]);
    assert.deepEqual(wayOf("commit"), [...toMessenger, "commit (client, messenger)"]);
    const root = spans.find(({ service, kind }) => service === "near" && kind === 2)!;
    assert.equal(root.parentSpanId, clientSpanOf(traceparent), "it goes on with the client's own");
    assert.ok(!collector.everything.includes(secretText));
  });

  test("what is not sampled is exported by no process", async () => {
    const unsampled = newTraceparent("00");
    await send(unsampled);
    const sampled = newTraceparent();
    await send(sampled);
    await collector.until(() => spansOf(sampled).some(({ name }) => name === "push"), "the sampled push");
    assert.deepEqual(spansOf(unsampled), []);
  });

  test("a failure inside a service is found in that service's own log by the trace id the caller was told", async () => {
    const { message } = await send(newTraceparent("00"));
    await database.withClient((client) =>
      client.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'refused: %', NEW.text; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON messenger.messages FOR EACH ROW EXECUTE FUNCTION refuse()`),
    );
    const path = `${messagesPath}/${message.id}`;
    const told = await call(path, { text: `${secretText} again` }, { method: "PATCH", token: alice.token });
    assert.equal(told.code, "internal");
    const entriesOf = (name: string) => lines.get(name)!.map((line) => JSON.parse(line));
    for (const name of ["messenger", "near"]) {
      const isIt = (entry: Record<string, unknown>) =>
        entry.msg === "a call failed" && entry.traceId === told.traceId;
      await until(`${name} logs it`, () => entriesOf(name).some(isIt));
      const { userId, chatId, code } = entriesOf(name).find(isIt);
      assert.deepEqual([userId, chatId, code], [alice.id, chat.id, "internal"], name);
    }
    assert.equal(
      entriesOf("messenger").find(({ traceId }) => traceId)?.called,
      "parley.v2.MessengerService/EditMessage",
    );
    assert.ok(![...lines.values()].flat().some((line) => line.includes(secretText)));
  });
});
