/** A whole Parley whose database fails: callers are told at once, and it heals by itself. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createTestDatabase } from "#test/database.ts";
import { startDatabaseLine } from "#test/database-line.ts";
import { isSplit, startParley } from "#test/parley.ts";
import { newPerson, password, signedIn } from "#test/people.ts";
import { SocketClient } from "#test/socket-client.ts";
import { until } from "#test/until.ts";

const adminEmail = `admin-${randomUUID()}@example.com`;
const line = await startDatabaseLine((await createTestDatabase()).url);
const parley = await startParley({
  DATABASE_URL: line.url,
  PARLEY_ADMIN_EMAILS: adminEmail,
  // Nothing but the service answers here.
  PARLEY_CACHE: "off",
  PARLEY_DATABASE_TIMEOUT_MS: "3000",
  PARLEY_CIRCUIT_MIN_CALLS: "5",
  PARLEY_CIRCUIT_OPEN_MS: "300",
  PARLEY_CIRCUIT_OPEN_MAX_MS: "600",
});

const ada = await newPerson(parley.url, "Ada");
const ben = await newPerson(parley.url, "Ben");
const { id: chatId } = await ada.client.createChat({ kind: "direct", memberIds: [ben.id] });
const token = await accessToken(ada.email);
const adminToken = await signUpAdmin();

interface Problem {
  code?: string;
  retryAfterMs?: number;
}

async function request(method: string, path: string, as = token, body?: object) {
  const headers = { authorization: `Bearer ${as}`, "content-type": "application/json" };
  const init = body ? { method, headers, body: JSON.stringify(body) } : { method, headers };
  const response = await fetch(parley.url + path, init);
  const retryAfter = response.headers.get("retry-after");
  return { status: response.status, retryAfter, body: (await response.json()) as Problem };
}

async function accessToken(email: string): Promise<string> {
  const { body } = await request("POST", "/v2/auth/sign-in", "", { email, password });
  return (body as { accessToken: string }).accessToken;
}

async function signUpAdmin(): Promise<string> {
  await request("POST", "/v2/auth/sign-up", "", { email: adminEmail, password, name: "Admin" });
  return accessToken(adminEmail);
}

interface CircuitJson {
  service: string;
  endpoint: string;
  state: string;
  transitions: { to: string }[];
}

async function circuits(): Promise<Map<string, CircuitJson>> {
  const { status, body } = await request("GET", "/v2/admin/circuits", adminToken);
  assert.equal(status, 200);
  const { circuits: list } = body as { circuits: CircuitJson[] };
  return new Map(list.map((circuit) => [circuit.service, circuit]));
}

const listMessages = () => request("GET", `/v2/chats/${chatId}/messages`);

/** The first answer of the open circuit; a moment later it may be half-open, and let a call through. */
async function untilOpen(call: typeof listMessages) {
  const codes: (string | undefined)[] = [];
  for (let i = 0; i < 100; i++) {
    const answer = await call();
    const { status, body } = answer;
    codes.push(body.code);
    if (body.code === "circuit-open") return answer;
    assert.ok(status >= 500, `answered ${status}`);
  }
  return assert.fail(`did not open: ${codes.join(" ")}`);
}

/** By calls as they come in anyway: nobody touches the circuit. */
const untilHealed = (call: () => Promise<{ status: number }>) =>
  until("it heals", async () => (await call()).status === 200);

test("a thousand bad registrations leave the circuit closed, and so do made-up tokens", async () => {
  const register = () =>
    request("POST", "/v2/auth/sign-up", "", { email: "no address", password: "x", name: "" });
  const refresh = () => request("POST", "/v2/auth/refresh", "", { refreshToken: "made-up" });
  for (let round = 0; round < 50; round++) {
    const answers = await Promise.all(Array.from({ length: 20 }, register));
    assert.ok(answers.every(({ status }) => status === 400));
    const refused = await Promise.all(Array.from({ length: 20 }, refresh));
    assert.ok(refused.every(({ status }) => status === 401));
  }
  const identity = (await circuits()).get("identity");
  assert.deepEqual([identity?.state, identity?.transitions], ["closed", []]);
  assert.ok(await accessToken(ada.email));
});

test("with the database away callers get 503 at once, the circuit shows, and all heals by itself", async () => {
  line.cut();
  const { status, retryAfter, body } = await untilOpen(listMessages);
  assert.deepEqual([status, retryAfter, body.code], [503, "1", "circuit-open"]);
  assert.ok(body.retryAfterMs! > 0 && body.retryAfterMs! <= 600);
  assert.notEqual((await circuits()).get("messenger")?.state, "closed");
  const { endpoint = "" } = (await circuits()).get("messenger") ?? {};
  assert.match(endpoint, isSplit ? /^http:\/\/127\.0\.0\.1:\d+$/ : /^in-process$/);

  await line.restore();
  await untilHealed(listMessages);
  await until("the circuit is closed", async () => {
    await listMessages();
    return (await circuits()).get("messenger")?.state === "closed";
  });
  const { transitions } = (await circuits()).get("messenger")!;
  assert.deepEqual(
    transitions.slice(0, 2).map(({ to }) => to),
    ["open", "half-open"],
  );
  assert.equal(transitions.at(-1)?.to, "closed");
});

test("sends that fail open the circuit as well, though each batch is answered; the outbox brings them home", async () => {
  const socket = await SocketClient.open(parley.wsUrl, token);
  const sender = await signedIn(parley.url, ada.email);
  await sender.connect();
  await sender.sendMessage(chatId, "before", { clientId: "before" });
  line.cut();
  const sent = sender.sendMessage(chatId, "during", { clientId: "during" });
  let error: { code: string; retryAfterMs?: number } | undefined;
  for (let i = 0; error?.code !== "circuit-open"; i++) {
    assert.ok(i < 1_000, `still ${error?.code}`);
    const params = { chatId, clientId: "raw", text: "raw" };
    ({ error } = await socket.ask("MessengerService/SendMessage", params));
    assert.ok(error);
  }
  assert.ok(error.retryAfterMs! > 0);
  await line.restore();
  assert.equal((await sent).text, "during");
  await untilHealed(listMessages);
  const { messages } = await sender.listMessages(chatId, { limit: 200 });
  const clientIds = messages.map((message) => message.clientId).filter((id) => id !== "raw");
  assert.deepEqual(clientIds, ["before", "during"]);
});

test("a database that hangs costs the first callers their time, and the others none", async () => {
  line.hang();
  const first = await Promise.all(Array.from({ length: 8 }, listMessages));
  assert.ok(first.every(({ status }) => status >= 500));
  await untilOpen(listMessages);
  // The other service is as hung, but has its own circuit.
  assert.equal((await circuits()).get("identity")?.state, "closed");
  line.release();
  await untilHealed(listMessages);
  assert.equal((await ada.client.sendMessage(chatId, "after", { clientId: "after" })).text, "after");
});
