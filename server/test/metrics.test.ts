/** What a Parley tells an operator in numbers: it can be read as Prometheus reads it, and it counts what happened. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { startParley } from "#test/parley.ts";
import { newPerson, signIn } from "#test/people.ts";
import { type PrometheusMetrics, parsePrometheus, together } from "#test/prometheus.ts";
import { SocketClient } from "#test/socket-client.ts";
import { until } from "#test/until.ts";

const parley = await startParley();
const alice = await newPerson(parley.url, "Alice");
const bob = await newPerson(parley.url, "Bob");
const { id: chatId = "" } = await alice.client.createChat({ kind: "direct", memberIds: [bob.id] });

async function scrape(): Promise<PrometheusMetrics> {
  const scrapes = parley.opsUrls.map(async (opsUrl) => {
    const response = await fetch(`${opsUrl}/metrics`);
    assert.equal(response.status, 200);
    return parsePrometheus(await response.text());
  });
  return together(await Promise.all(scrapes));
}

/** Counters count from the start on, and what is counted after the answer was sent may come a moment later. */
async function growth(
  name: string,
  labels: Record<string, string>,
  work: () => Promise<unknown>,
  by: number,
) {
  const before = (await scrape()).total(name, labels);
  await work();
  let grown = 0;
  const hasGrown = async () => {
    grown = (await scrape()).total(name, labels) - before;
    return grown >= by;
  };
  const what = `${name} ${JSON.stringify(labels)}`;
  await until(() => `${what} has grown by ${grown} of ${by}`, hasGrown);
  assert.equal(grown, by, what);
}

test("REST calls are counted by route and outcome, and never by who or what", async () => {
  const route = { http_request_method: "GET", http_route: "/v2/chats/{chatId}" };
  const name = "http_server_request_duration_seconds_count";
  const ok = { ...route, http_response_status_code: "200" };
  await growth(name, ok, () => alice.client.getChat(chatId), 1);
  const missing = { ...route, http_response_status_code: "404", error_type: "chat-not-found" };
  await growth(name, missing, () => alice.client.getChat(randomUUID()).catch(() => {}), 1);
  const nowhere = { http_request_method: "GET", http_response_status_code: "404" };
  await growth(name, nowhere, () => fetch(`${parley.url}/v2/${randomUUID()}`), 1);
});

test("the calls behind are counted at both ends", async () => {
  const labels = { rpc_method: "parley.v2.MessengerService/GetChat", rpc_response_status_code: "OK" };
  const read = () => alice.client.getChat(chatId);
  await growth("rpc_client_call_duration_seconds_count", labels, read, 1);
  await growth("rpc_server_call_duration_seconds_count", { ...labels, parley_role: "messenger" }, read, 1);
});

test("messages are counted from the socket to the socket", async () => {
  const { token } = await signIn(parley.url, bob.email);
  const socket = await SocketClient.open(parley.wsUrl, token);
  await socket.resume();
  const send = async () => {
    const before = socket.events.length;
    const params = () => ({ chatId, clientId: randomUUID(), text: "counted" });
    for (let i = 0; i < 3; i++) await socket.call("MessengerService/SendMessage", params());
    await socket.until(() => socket.events.length === before + 3);
  };
  const overSocket = { rpc_system_name: "websocket", rpc_method: "parley.v2.MessengerService/SendMessage" };
  await growth("rpc_server_call_duration_seconds_count", overSocket, send, 3);
  await growth("parley_messenger_sends_total", { parley_outcome: "stored" }, send, 3);
  await growth("parley_messenger_batch_size_sum", {}, send, 3);
  await growth("parley_realtime_events_pushed_total", {}, send, 3);
  await growth("parley_bus_messages_received_total", { parley_bus_topic: "chat" }, send, 3);
  const params = { chatId, clientId: "again", text: "counted" };
  await socket.call("MessengerService/SendMessage", params);
  const repeat = () => socket.call("MessengerService/SendMessage", params);
  await growth("parley_messenger_sends_total", { parley_outcome: "repeated" }, repeat, 1);
  assert.ok((await scrape()).total("parley_realtime_sockets", {}) >= 1);
});

test("a socket that the server closes is counted by the reason", async () => {
  const { token } = await signIn(parley.url, alice.email);
  const socket = await SocketClient.open(parley.wsUrl, token);
  const spam = async () => {
    for (let i = 0; i < 10; i++) socket.send("no call");
    await socket.untilClosed();
  };
  await growth("parley_realtime_sockets_closed_total", { parley_close_reason: "badFrames" }, spam, 1);
});

test("there is what alerts on saturation need", async () => {
  const metrics = await scrape();
  for (const [name, type] of [
    ["process_cpu_time_seconds_total", "counter"],
    ["process_memory_usage_bytes", "gauge"],
    ["nodejs_eventloop_delay_p99_seconds", "gauge"],
    ["nodejs_eventloop_utilization_ratio", "gauge"],
    ["db_client_connection_count", "gauge"],
    ["db_client_connection_pending_requests", "gauge"],
    ["db_client_operation_duration_seconds", "histogram"],
    ["parley_messenger_queue_size", "gauge"],
    ["parley_gateway_sends_pending", "gauge"],
    ["parley_messenger_commit_duration_seconds", "histogram"],
  ] as const) {
    assert.equal(metrics.types.get(name), type, name);
  }
  const used = metrics.total("db_client_connection_count", { db_client_connection_state: "used" });
  assert.ok(used >= 0 && used <= 23);
  assert.equal(metrics.total("target_info", { service_name: "parley" }), parley.opsUrls.length);
});

test("no label names a person, a chat or a message", async () => {
  const ids = [alice.id, bob.id, chatId, "@example.com", "counted"];
  const labels = (await scrape()).samples.flatMap((sample) => Object.values(sample.labels));
  for (const id of ids) assert.ok(!labels.some((label) => label.includes(id)), id);
});
