import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { describe, it } from "node:test";
import { SocketClient } from "#test/socket-client.ts";
import { startSockets, type TestSockets, tokenSeconds } from "#test/sockets.ts";

const person = () => randomUUID();

async function opened(t: TestSockets, userId: string, sessionId = "s1") {
  return SocketClient.open(t.url, t.token(userId, sessionId));
}

/** The HTTP answer to an upgrade that is refused. */
async function refused(url: string, options: object = {}, protocol = "parley.v2.json") {
  const { WebSocket } = await import("ws");
  const ws = new WebSocket(url, protocol, options);
  ws.on("error", () => {});
  const [, response] = await once(ws, "unexpected-response", { signal: AbortSignal.timeout(5_000) });
  const chunks = await response.toArray();
  const body = JSON.parse(Buffer.concat(chunks).toString());
  return { status: response.statusCode, type: response.headers["content-type"], code: body.code };
}

describe("opening a socket", async () => {
  const t = await startSockets({ config: { PARLEY_WS_MAX_SOCKETS_PER_USER: 3 } });
  const bearer = (token: string, headers: object = {}) => ({
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  const cookie = (userId: string, headers: object = {}) => ({
    headers: { cookie: `parley_access_token=${t.token(userId)}`, ...headers },
  });

  it("takes an access token and speaks the subprotocol", async () => {
    const client = await opened(t, person());
    assert.equal(client.ws.protocol, "parley.v2.json");
    assert.equal(client.ws.extensions, "");
  });

  it("takes a ticket, once", async () => {
    t.addTicket("one-time", person());
    const client = await SocketClient.open(`${t.url}?ticket=one-time`);
    assert.deepEqual(await client.resume(), { chats: [] });
    const again = await refused(`${t.url}?ticket=one-time`);
    assert.deepEqual(again, {
      status: 401,
      type: "application/problem+json; charset=utf-8",
      code: "ticket-invalid",
    });
  });

  it("refuses who has no, a bad or an expired token, in HTTP", async () => {
    assert.equal((await refused(t.url)).code, "unauthenticated");
    assert.equal((await refused(t.url, bearer("nonsense"))).status, 401);
    assert.equal((await refused(t.url, bearer(t.token(person(), "s1", -10)))).code, "token-expired");
    assert.equal((await refused(`${t.url}?ticket=`)).code, "ticket-invalid");
    assert.equal((await refused(`${t.url}?ticket=${"x".repeat(5_000)}`)).code, "ticket-invalid");
  });

  it("takes the cookie from a page of its own origin only", async () => {
    const { accessCookie } = await import("#gateway/auth/cookies.ts");
    const own = { origin: `http://127.0.0.1:${t.port}` };
    const options = (origin: object) => {
      const { headers } = cookie(person(), origin);
      return { headers: { ...headers, cookie: headers.cookie.replace("parley_access_token", accessCookie) } };
    };
    const client = await SocketClient.open(t.url, undefined, options(own));
    assert.deepEqual(await client.resume(), { chats: [] });
    const foreign = await refused(t.url, options({ origin: "https://evil.example" }));
    assert.deepEqual([foreign.status, foreign.code], [403, "origin-not-allowed"]);
    assert.equal((await refused(t.url, options({ origin: "null" }))).status, 403);
  });

  it("refuses other paths, other subprotocols and what is no WebSocket handshake", async () => {
    const token = t.token(person());
    assert.equal(
      (await refused(t.url.replace("/v2/ws", "/v2/other"), bearer(token))).code,
      "route-not-found",
    );
    assert.equal((await refused(t.url, bearer(token), "chat.v1")).code, "malformed-request");
    assert.equal((await refused(`ws://127.0.0.1:${t.port}//[`, bearer(token))).status, 400);
    const raw = connectTcp(t.port, "127.0.0.1");
    raw.write(
      `GET /v2/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    const answer = (await raw.toArray()).join("");
    assert.match(answer, /^HTTP\/1.1 400 Bad Request\r\n/);
    assert.match(answer, /problem\+json/);
  });

  it("bounds the sockets of one user", async () => {
    const userId = person();
    const clients = [await opened(t, userId), await opened(t, userId), await opened(t, userId)];
    assert.equal((await refused(t.url, bearer(t.token(userId)))).code, "too-many-requests");
    clients[0]?.ws.terminate();
    const before = t.sockets.size;
    await clients[1]!.until(() => t.sockets.size < before);
    await opened(t, userId);
  });

  it("gives up quietly when the client is gone before it is let in", async () => {
    const raw = connectTcp(t.port, "127.0.0.1");
    raw.end(
      `GET /v2/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${t.token(person())}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    raw.destroy();
    await once(raw, "close");
    await opened(t, person());
  });
});

describe("bad frames", async () => {
  const t = await startSockets({
    config: { PARLEY_WS_MAX_FRAME_BYTES: 4_096, PARLEY_WS_FRAMES_PER_SECOND: 50, PARLEY_WS_MAX_CALLS: 5 },
  });

  it("are each answered with a coded error, and a call after them still works", async () => {
    const client = await opened(t, person());
    for (const text of ["{", "[]", "null", "7", '"x"', '{"call":"UserService/GetMe"}']) client.send(text);
    client.send({ id: 5, params: {} });
    client.send({ id: 6, call: "MessengerService/Nothing" });
    client.send('{"id":7,"call":"UserService/GetMe","__proto__":{"x":1}}');
    await client.until(() => client.strayAnswers.length === 9);
    const answers = client.strayAnswers.map(({ id, error }) => [id, error?.code]);
    assert.deepEqual(answers.slice(0, 6), Array(6).fill([null, "malformed-request"]));
    assert.deepEqual(answers.slice(6), [
      [5, "malformed-request"],
      [6, "route-not-found"],
      [7, "malformed-request"],
    ]);
    assert.deepEqual(await client.resume(), { chats: [] });
  });

  it("ids must be whole numbers that survive JSON", async () => {
    const client = await opened(t, person());
    for (const id of ["1", 1.5, -1, 2 ** 60, null, {}]) client.send({ id, call: "RealtimeService/Resume" });
    await client.until(() => client.strayAnswers.length === 6);
    for (const { id, error } of client.strayAnswers)
      assert.deepEqual([id, error?.code], [null, "malformed-request"]);
  });

  it("in a row end the socket", async () => {
    const client = await opened(t, person());
    for (let n = 0; n < 20; n++) client.send("{");
    assert.equal((await client.untilClosed()).code, 1008);
    assert.equal(client.strayAnswers.length, 10);
  });

  it("binary ones are refused", async () => {
    const client = await opened(t, person());
    client.ws.send(Buffer.from('{"id":1,"call":"RealtimeService/Resume"}'));
    await client.until(() => client.strayAnswers.length === 1);
    assert.equal(client.strayAnswers[0]?.error?.code, "malformed-request");
  });

  it("fragmented text is put together", async () => {
    const client = await opened(t, person());
    client.ws.send('{"id":77,"call":"Realtime', { fin: false });
    client.ws.send('Service/Resume"}', { fin: true });
    await client.until(() => client.strayAnswers.length === 1);
    assert.deepEqual(client.strayAnswers[0], { id: 77, result: { chats: [] } });
  });

  it("too large ones close with 1009, bad UTF-8 with 1007", async () => {
    const large = await opened(t, person());
    large.send({ id: 1, call: "MessengerService/SendMessage", params: { text: "x".repeat(5_000) } });
    assert.equal((await large.untilClosed()).code, 1009);
    const bad = await opened(t, person());
    bad.ws.send(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { binary: false });
    assert.equal((await bad.untilClosed()).code, 1007);
  });

  it("a traceparent that is malformed counts as none, and one that is no text is refused", async () => {
    const client = await opened(t, person());
    const call = { call: "RealtimeService/Resume", params: {} };
    client.send({ id: 1, ...call, traceparent: "nonsense" });
    client.send({ id: 2, ...call, traceparent: 7 });
    await client.until(() => client.strayAnswers.length === 2);
    const codes = client.strayAnswers.map(({ id, error }) => [id, error?.code ?? "ok"]);
    assert.deepEqual(codes.sort(), [
      [1, "ok"],
      [2, "malformed-request"],
    ]);
  });

  it("name what is wrong in the parameters", async () => {
    const client = await opened(t, person());
    const unknown = await client.ask("MessengerService/SendMessage", {
      chatId: randomUUID(),
      text: "x",
      colour: 1,
    });
    assert.deepEqual(
      [unknown.error?.code, unknown.error?.violations?.[0]?.field],
      ["invalid-input", "colour"],
    );
    const wrong = await client.ask("RealtimeService/Resume", { positions: { nonsense: 1 } });
    assert.equal(wrong.error?.code, "invalid-input");
    const negative = await client.ask("RealtimeService/Resume", { positions: { [randomUUID()]: -1 } });
    assert.equal(negative.error?.code, "invalid-input");
    client.send('{"id":900,"call":"RealtimeService/Resume","params":{"positions":{"__proto__":1}}}');
    await client.until(() => client.strayAnswers.length === 1);
    assert.equal(client.strayAnswers[0]?.error?.code, "invalid-input");
    const foreign = await client.ask("MessengerService/GetChat", { chatId: randomUUID() });
    assert.equal(foreign.error?.code, "chat-not-found");
  });

  it("above the rate are refused, and a flood ends the socket", async () => {
    const client = await opened(t, person());
    for (let n = 1; n <= 120; n++) client.send({ id: n, call: "RealtimeService/WatchPresence", params: {} });
    await client.until(() => client.strayAnswers.length === 120);
    const codes = client.strayAnswers.map(({ error }) => error?.code ?? "ok");
    assert.equal(codes.filter((code) => code === "too-many-requests").length >= 20, true);
    for (let n = 0; n < 200; n++) client.send({ id: n, call: "RealtimeService/WatchPresence", params: {} });
    assert.equal((await client.untilClosed()).code, 1008);
  });

  it("a flood of pings ends the socket too", async () => {
    const client = await opened(t, person());
    for (let n = 0; n < 300; n++) client.ws.ping();
    await client.untilClosed();
  });

  it("more calls at a time than allowed are refused", async () => {
    const client = await opened(t, person());
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    t.messenger.before.listEvents = () => held;
    const chatId = t.messenger.createChat([client.ws.url && person()]);
    const calls = Array.from({ length: 7 }, () => client.ask("MessengerService/ListEvents", { chatId }));
    await client.until(() => client.frames.length === 2);
    release();
    const codes = (await Promise.all(calls)).map(({ error }) => error?.code);
    assert.deepEqual(codes.toSorted(), [
      ...Array(5).fill("chat-not-found"),
      "too-many-requests",
      "too-many-requests",
    ]);
    t.messenger.before = {};
  });
});

describe("the end of a socket", async () => {
  it("comes at once when its session ends, and only to that session", async () => {
    const t = await startSockets();
    const userId = person();
    const [one, other] = [await opened(t, userId, "phone"), await opened(t, userId, "laptop")];
    t.endSession("phone");
    assert.deepEqual(await one.untilClosed(), { code: 4403, reason: "session ended" });
    assert.deepEqual(await other.resume(), { chats: [] });
    assert.equal(
      (await refused(t.url, { headers: { authorization: `Bearer ${t.token(userId, "phone")}` } })).status,
      401,
    );
  });

  it("comes when the token expires, unless a newer one is given", async () => {
    const t = await startSockets({ config: { PARLEY_WS_PING_SECONDS: 60, PARLEY_WS_PONG_SECONDS: 60 } });
    const userId = person();
    const [lapsing, renewed] = [await opened(t, userId), await opened(t, userId)];
    const stayAlive = () =>
      Promise.all([lapsing, renewed].map((one) => one.call("RealtimeService/WatchPresence")));
    for (let second = 0; second < tokenSeconds - 20; second += 20) {
      t.pass(20);
      await stayAlive();
    }
    const accessToken = t.token(userId, "s2", 3_600);
    const answer = await renewed.call("RealtimeService/Authenticate", { accessToken });
    assert.equal(answer.expiresIn, 3_600);
    t.pass(20);
    await stayAlive();
    t.pass(10);
    assert.deepEqual(await lapsing.untilClosed(), { code: 4401, reason: "token expired" });
    assert.deepEqual(await renewed.resume(), { chats: [] });
    const foreign = await renewed.ask("RealtimeService/Authenticate", { accessToken: t.token(person()) });
    assert.equal(foreign.error?.code, "forbidden");
    t.endSession("s2");
    assert.equal((await renewed.untilClosed()).code, 4403);
  });

  it("comes to who does not answer a ping", async () => {
    const t = await startSockets({ config: { PARLEY_WS_PING_SECONDS: 25, PARLEY_WS_PONG_SECONDS: 15 } });
    const alive = await opened(t, person());
    const dead = await SocketClient.open(t.url, t.token(person()), { autoPong: false });
    t.pass(26);
    await once(alive.ws, "ping", { signal: AbortSignal.timeout(5_000) });
    await alive.call("RealtimeService/WatchPresence");
    t.pass(17);
    assert.equal((await dead.untilClosed()).code, 1006);
    assert.equal(t.sockets.size, 1);
    t.pass(20);
    assert.deepEqual(await alive.resume(), { chats: [] });
  });

  it("tells every client to resume elsewhere when the server stops, after answering it", async () => {
    const t = await startSockets();
    const client = await opened(t, person());
    let release = () => {};
    t.messenger.before.listPositions = () =>
      new Promise<void>((resolve) => {
        release = resolve;
      });
    const resumed = client.resume();
    await client.until(() => t.messenger.calls.listPositions === 1);
    const stopped = t.sockets.stop();
    assert.equal((await client.ask("RealtimeService/WatchPresence")).error?.code, "unavailable");
    release();
    assert.deepEqual(await resumed, { chats: [] });
    assert.deepEqual(await client.untilClosed(), { code: 1012, reason: "server stops, resume" });
    await stopped;
    assert.equal(
      (await refused(t.url, { headers: { authorization: `Bearer ${t.token(person())}` } })).status,
      503,
    );
  });
});
