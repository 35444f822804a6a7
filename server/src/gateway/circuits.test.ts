/** What callers of a gateway see when the service behind it fails. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "@parley/api/v2/errors";
import { MessengerService } from "@parley/api/v2/messenger";
import { createLog } from "#platform/log.ts";
import { bugText, chatId, slowText, startGateway, strangerId, type TestGateway } from "#test/gateway.ts";
import { SocketClient } from "#test/socket-client.ts";
import { until } from "#test/until.ts";

const minCalls = 5;

function startFailing(options: Parameters<typeof startGateway>[0] = {}) {
  const circuits = {
    PARLEY_CIRCUIT_MIN_CALLS: minCalls,
    PARLEY_CIRCUIT_OPEN_MS: 60_000,
    PARLEY_CIRCUIT_OPEN_MAX_MS: 60_000,
    ...options.circuits,
  };
  return startGateway({ ...options, circuits });
}

function edit(gateway: TestGateway, text: string, init: RequestInit = {}) {
  return fetch(`${gateway.url}/v2/chats/${chatId}/messages/m`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${gateway.token}`, "content-type": "application/json" },
    body: JSON.stringify({ text }),
    ...init,
  });
}

async function get(gateway: TestGateway, path: string, token = gateway.token) {
  const response = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const circuitOf = (gateway: TestGateway) => gateway.circuits.list()[0]!.snapshot;

async function failUntilOpen(gateway: TestGateway) {
  while (circuitOf(gateway).state !== "open") assert.equal((await edit(gateway, bugText)).status, 500);
}

const adminToken = (gateway: TestGateway) => gateway.issuer.sign({ roles: ["admin"] });
const circuitsOf = async (gateway: TestGateway) =>
  (await get(gateway, "/v2/admin/circuits", await adminToken(gateway))).body;

test("an open circuit answers 503 at once, the same over every transport, and says how long to wait", async () => {
  const gateway = await startFailing();
  await failUntilOpen(gateway);
  const asked = gateway.seen.length;

  const { status, headers, body } = await get(gateway, `/v2/chats/${chatId}`);
  assert.deepEqual([status, body.code, body.status], [503, "circuit-open", 503]);
  assert.match(headers.get("content-type")!, /problem\+json/);
  assert.ok(body.retryAfterMs > 20_000 && body.retryAfterMs <= 60_000);
  assert.equal(headers.get("retry-after"), String(Math.ceil(body.retryAfterMs / 1_000)));

  for (const transport of [
    createGrpcTransport({ baseUrl: gateway.grpcUrl }),
    createConnectTransport({ baseUrl: gateway.url, httpVersion: "1.1" }),
  ]) {
    const { getChat } = createClient(MessengerService, transport);
    const headers = { authorization: `Bearer ${gateway.token}` };
    const error: ConnectError = await getChat({ chatId }, { headers }).catch((error) => error);
    assert.equal(error.code, Code.Unavailable);
    const [info] = error.findDetails(ErrorInfoSchema);
    assert.equal(info?.code, "circuit-open");
    assert.ok(Math.abs(info.retryAfterMs - body.retryAfterMs) < 10_000);
    assert.equal(Math.round(retryDelayMs(error)), info.retryAfterMs);
  }

  const socket = await SocketClient.open(`${gateway.url.replace("http", "ws")}/v2/ws`, gateway.token);
  const { error } = await socket.ask("MessengerService/GetChat", { chatId });
  assert.equal(error?.code, "circuit-open");
  assert.ok((error as { retryAfterMs?: number }).retryAfterMs! > 20_000);
  assert.equal(gateway.seen.length, asked, "the service was left in peace");
});

/** Of the google.rpc.RetryInfo that the error carries. */
function retryDelayMs(error: ConnectError): number {
  const [info] = error.details.filter((detail) => "type" in detail && detail.type === "google.rpc.RetryInfo");
  assert.ok(info && "value" in info && info.value instanceof Uint8Array);
  assert.deepEqual([...info.value.subarray(0, 2)], [0x0a, info.value.length - 2]);
  const delay: Duration = fromBinary(DurationSchema, info.value.subarray(2));
  return Number(delay.seconds) * 1_000 + delay.nanos / 1e6;
}

test("callers' own mistakes leave the circuit closed, and do not close it either", async () => {
  const gateway = await startFailing({ circuits: { PARLEY_CIRCUIT_OPEN_MS: 30 } });
  const unknown = () => get(gateway, `/v2/chats/${strangerId}`);
  for (let i = 0; i < 200; i++) assert.equal((await unknown()).status, 404);
  assert.equal(circuitOf(gateway).state, "closed");

  await failUntilOpen(gateway);
  await until("it is half-open", async () => {
    await unknown();
    return circuitOf(gateway).state === "half-open";
  });
  for (let i = 0; i < 20; i++) assert.equal((await unknown()).status, 404);
  assert.equal(circuitOf(gateway).state, "half-open");
  for (let i = 0; i < 3; i++) assert.equal((await edit(gateway, "fine")).status, 200);
  assert.equal(circuitOf(gateway).state, "closed");
});

test("clients that go away or are in a hurry leave it closed", async () => {
  const gateway = await startFailing();
  for (let i = 0; i < 2 * minCalls; i++) {
    const controller = new AbortController();
    const seen = gateway.seen.length;
    const gone = edit(gateway, slowText, { signal: controller.signal }).catch(() => "gone");
    await until("the service is asked", () => gateway.seen.length > seen);
    controller.abort();
    assert.equal(await gone, "gone");
  }
  const { editMessage } = createClient(MessengerService, createGrpcTransport({ baseUrl: gateway.grpcUrl }));
  const hurried = { timeoutMs: 20, headers: { authorization: `Bearer ${gateway.token}` } };
  for (let i = 0; i < 2 * minCalls; i++) {
    await assert.rejects(editMessage({ chatId, messageId: "m", text: slowText }, hurried));
  }
  const { state, counts } = circuitOf(gateway);
  assert.deepEqual([state, counts.failures], ["closed", 0]);
});

test("a service that hangs opens it, and from then on nobody waits", async () => {
  const gateway = await startFailing({ config: { PARLEY_CALL_TIMEOUT_MS: 150 } });
  const answers = await Promise.all(Array.from({ length: minCalls }, () => edit(gateway, slowText)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([504]));
  const seen = gateway.seen.length;
  assert.equal((await edit(gateway, slowText)).status, 503);
  assert.equal(gateway.seen.length, seen);
});

test("the time of day may jump as it likes", async () => {
  const gateway = await startFailing();
  await edit(gateway, bugText);
  for (const hours of [1, -2]) {
    gateway.clock.nowMs += hours * 3_600_000;
    assert.equal(circuitOf(gateway).counts.failures, 1);
  }
  gateway.clock.nowMs += 3_600_000;
  await failUntilOpen(gateway);
  gateway.clock.nowMs += 300_000;
  const { body } = await get(gateway, `/v2/chats/${chatId}`);
  assert.equal(body.code, "circuit-open");
});

test("GET /v2/admin/providers tells admins what dispatch says, and nobody else", async () => {
  const gateway = await startGateway();
  const path = "/v2/admin/providers";
  const { status, body } = await get(gateway, path, await adminToken(gateway));
  assert.equal(status, 200);
  const { pod, providers } = body as unknown as { pod: string; providers: { id: string; state: string }[] };
  assert.equal(pod, "dispatch-1");
  assert.deepEqual(
    providers.map(({ id, state }) => [id, state]),
    [["free", "open"]],
  );
  assert.equal((await get(gateway, path)).status, 403);
  assert.equal((await get(gateway, path, "")).status, 401);
});

test("GET /v2/admin/circuits tells admins of every circuit and bulkhead, and nobody else", async () => {
  const gateway = await startFailing();
  await failUntilOpen(gateway);
  const { pod, circuits, bulkheads } = await circuitsOf(gateway);
  assert.match(pod, new RegExp(`/${process.pid}$`));
  const [{ since, retryAfterMs, transitions, ...circuit }] = circuits;
  assert.ok(Math.abs(Date.parse(since) - gateway.clock.nowMs) < 10_000);
  assert.ok(retryAfterMs > 20_000 && retryAfterMs <= 60_000);
  const { calls, failures } = circuitOf(gateway).transition!.counts;
  assert.ok(failures > 0 && calls === minCalls);
  const counts = { calls, failures, slowCalls: 0 };
  assert.equal(circuit.service, "services");
  assert.equal(circuit.endpoint, "in-process");
  assert.deepEqual([circuit.state, circuit.reason, circuit.opened], ["open", "failures", 1]);
  const [{ at, ...transition }] = transitions;
  assert.equal(at, since);
  const change = { from: "closed", to: "open", reason: "failures", failure: "internal" };
  assert.deepEqual(transition, { ...change, ...counts });
  assert.equal(bulkheads[0].maxCalls, 512);

  assert.equal((await get(gateway, "/v2/admin/circuits")).status, 403);
  assert.equal((await get(gateway, "/v2/admin/circuits", "")).status, 401);
});

test("a flood of refused calls does not flood the log", async () => {
  const lines: string[] = [];
  const output = new PassThrough();
  output.on("data", (line) => lines.push(line.toString()));
  const gateway = await startFailing({ log: createLog("info", output) });
  await failUntilOpen(gateway);
  const before = lines.length;
  for (let i = 0; i < 50; i++) await get(gateway, `/v2/chats/${chatId}`);
  assert.equal(lines.length, before);
  assert.equal(lines.filter((line) => line.includes("a circuit opened")).length, 1);
});

test("turned off, a failing service is asked every time", async () => {
  const gateway = await startFailing({ circuits: { PARLEY_CIRCUITS: "off" } });
  for (let i = 0; i < 50; i++) assert.equal((await edit(gateway, bugText)).status, 500);
  assert.equal((await circuitsOf(gateway)).circuits[0].state, "closed");
});
