/** What the log says, and what it never says, at its most talkative and whatever goes wrong. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { AuthService } from "@parley/api/v2/auth";
import { MessengerService } from "@parley/api/v2/messenger";
import { createLog } from "#platform/log.ts";
import { createTestDatabase } from "#test/database.ts";
import { startParley } from "#test/parley.ts";
import { SocketClient } from "#test/socket-client.ts";
import { until } from "#test/until.ts";

/** Appears in everything that must not be logged. */
const mark = "zebra";
const lines: string[] = [];
const log = createLog("debug", { write: (line) => void lines.push(line) });
const { url: DATABASE_URL, database } = await createTestDatabase();
const parley = await startParley({ DATABASE_URL }, { log });
const execute = (sql: string) => database.withClient((client) => client.query(sql));

const account = {
  email: `${mark}-${randomUUID()}@example.com`,
  password: `${mark} of a password`,
  name: mark,
};
const text = `${mark}, whispered`;
/** The database refuses it, and quotes it. */
const refusedText = `${mark}, refused by the database`;
const secrets: string[] = [mark, parley.environment.PARLEY_SECRET_KEY!];

interface Sent {
  path: string;
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

async function rest({ path, method = "POST", body, headers = {} }: Sent) {
  const response = await fetch(parley.url + path, {
    method,
    headers: { "content-type": "application/json", "user-agent": mark, ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

const credentials = { email: account.email, password: account.password };
await rest({ path: "/v2/auth/sign-up", body: account });
const session = (await rest({ path: "/v2/auth/sign-in", body: credentials })).body;
const token: string = session.accessToken;
const userId: string = session.user.id;
const authorization = `Bearer ${token}`;
const ticket: string = (await rest({ path: "/v2/ws-tickets", body: {}, headers: { authorization } })).body
  .ticket;
secrets.push(token, session.refreshToken, ticket);
const group = { kind: "group", title: `${mark} title` };
const { chat } = (await rest({ path: "/v2/chats", body: group, headers: { authorization } })).body;
const chatId: string = chat.id;
const messages = `/v2/chats/${chatId}/messages`;
await execute(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION 'refused: %', NEW.text USING DETAIL = NEW.text, HINT = NEW.text;
  END $$`);
await execute(`CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON messenger.messages FOR EACH ROW
  WHEN (NEW.text LIKE '%refused by the database%') EXECUTE FUNCTION refuse()`);

const entries = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

function requireNoSecret() {
  for (const secret of secrets) {
    const line = lines.find((one) => one.includes(secret));
    assert.equal(line, undefined, `${secret.slice(0, 10)}… was logged`);
  }
}

const newTraceId = () => randomBytes(16).toString("hex");
const traceparentOf = (traceId: string) => `00-${traceId}-${randomBytes(8).toString("hex")}-00`;

async function untilLogged(isIt: (entry: Record<string, unknown>) => boolean) {
  await until("it is logged", () => entries().some(isIt));
  return entries().find(isIt)!;
}

test("a finished call is one line with its method, outcome, duration, trace, user and chat", async () => {
  const traceId = newTraceId();
  const headers = { authorization, traceparent: traceparentOf(traceId) };
  await rest({ path: messages, body: { text, clientId: "1" }, headers });
  const line = await untilLogged((entry) => entry.traceId === traceId);
  assert.equal(line.called, "POST /v2/chats/{chatId}/messages");
  assert.equal(line.code, "ok");
  assert.equal(typeof line.durationMs, "number");
  assert.deepEqual([line.userId, line.chatId, line.level], [userId, chatId, 20]);
  assert.equal(entries().filter((entry) => entry.traceId === traceId).length, 1);
});

test("a failed call can be found by the trace id that the caller was told", async () => {
  const { status, body } = await rest({
    path: messages,
    body: { text: refusedText, clientId: "2" },
    headers: { authorization },
  });
  assert.deepEqual([status, body.code], [500, "internal"]);
  const line = await untilLogged((entry) => entry.traceId === body.traceId && entry.level === 50);
  assert.deepEqual([line.userId, line.chatId, line.code], [userId, chatId, "internal"]);
  requireNoSecret();
});

test("REST, whatever is sent and however it ends", async () => {
  const headers = { authorization };
  await rest({ path: "/v2/auth/sign-in", body: { ...credentials, password: `${mark} wrong` } });
  await rest({ path: "/v2/auth/sign-up", body: { ...account, password: mark, [mark]: mark } });
  await rest({ path: "/v2/auth/refresh", body: { refreshToken: `${mark}-not-a-token` } });
  await rest({ path: `/v2/${mark}?text=${mark}`, method: "GET", headers });
  await rest({ path: `/v2/chats/${mark}/messages`, body: { text }, headers });
  await rest({ path: `/v2/users?query=${mark}`, method: "GET", headers });
  await rest({ path: messages, body: `{"text":"${mark}`, headers });
  await rest({ path: messages, body: { text: mark.repeat(100_000), clientId: mark }, headers });
  await rest({ path: messages, body: { text, clientId: mark, replyTo: mark }, headers });
  await rest({ path: messages, body: { text }, headers: { authorization: `Bearer ${mark}` } });
  await rest({ path: messages, body: { text }, headers: { cookie: `parley_access=${mark}` } });
  await rest({ path: messages, body: { text }, headers: { ...headers, traceparent: mark } });
  const { message } = (await rest({ path: messages, body: { text, clientId: "3" }, headers })).body;
  const own = `${messages}/${message.id}`;
  await rest({ path: own, method: "PATCH", body: { text: `${text} again` }, headers });
  const failed = await rest({ path: own, method: "PATCH", body: { text: refusedText }, headers });
  assert.equal(failed.status, 500);
  await rest({ path: `${messages}/${mark}`, method: "PATCH", body: { text }, headers });
  requireNoSecret();
});

test("WebSocket, whatever is sent and however it ends", async () => {
  const socket = await SocketClient.open(`${parley.wsUrl}?ticket=${ticket}`);
  new SocketClient(`${parley.wsUrl}?ticket=${ticket}`);
  new SocketClient(`${parley.wsUrl}?ticket=${mark}`);
  await socket.resume();
  const send = (params: object) => socket.ask("MessengerService/SendMessage", params);
  assert.ok((await send({ chatId, text, clientId: "4" })).result);
  assert.equal((await send({ chatId, text: refusedText, clientId: "5" })).error?.code, "internal");
  await send({ chatId: mark, text });
  await send({ chatId: randomUUID(), text, [mark]: mark });
  await socket.ask("RealtimeService/Authenticate", { accessToken: `${mark}.${mark}` });
  await socket.ask("RealtimeService/Authenticate", { accessToken: token });
  await socket.ask(`MessengerService/${mark}`, { text });
  socket.send({ id: 99, call: "MessengerService/SendMessage", params: { text }, traceparent: mark });
  for (let i = 0; i < 10; i++) socket.send(`{"${mark}":`);
  await socket.untilClosed();
  requireNoSecret();
});

test("gRPC, whatever is sent and however it ends", async () => {
  const transport = createGrpcTransport({ baseUrl: parley.grpcUrl });
  const messenger = createClient(MessengerService, transport);
  const auth = createClient(AuthService, transport);
  const options = { headers: { authorization } };
  await messenger.sendMessage({ chatId, text, clientId: "6" }, options);
  await assert.rejects(messenger.sendMessage({ chatId, text: refusedText, clientId: "7" }, options));
  await assert.rejects(messenger.sendMessage({ chatId: mark, text }, options));
  await assert.rejects(messenger.sendMessage({ chatId, text }, { headers: { authorization: mark } }));
  await assert.rejects(auth.signIn({ email: account.email, password: `${mark}!` }));
  await auth.signIn(credentials);
  requireNoSecret();
});

test("a database that breaks off", async () => {
  await execute("ALTER TABLE messenger.messages RENAME TO messages_away");
  const headers = { authorization };
  assert.equal((await rest({ path: messages, body: { text, clientId: "8" }, headers })).status, 500);
  assert.equal((await rest({ path: messages, method: "GET", headers })).status, 500);
  await execute("ALTER TABLE messenger.messages_away RENAME TO messages");
  requireNoSecret();
});

test("every line is JSON, and those about a call name its trace", () => {
  assert.ok(lines.length > 20);
  for (const entry of entries()) {
    if (entry.msg === "a call finished" || entry.msg === "a call failed")
      assert.match(String(entry.traceId), /^[0-9a-f]{32}$/);
  }
});
