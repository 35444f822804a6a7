import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { describe, it } from "node:test";
import { WebSocket } from "ws";
import { gatewaySettings } from "#gateway/config.ts";
import { createDialectEntrances } from "#gateway/dialects/dialect-entrances.ts";
import { toAnswer } from "#gateway/dialects/social/errors.ts";
import { createSocialSocket } from "#gateway/dialects/social/socket.ts";
import type { SocketConfig } from "#gateway/realtime/config.ts";
import { fault } from "#platform/errors.ts";
import { readSettings } from "#platform/settings.ts";
import { SocialClient } from "#test/social-client.ts";
import { startSockets, type TestSockets, tokenSeconds } from "#test/sockets.ts";
import { until } from "#test/until.ts";

const opened: string[] = [];

async function start(config: Partial<SocketConfig> = {}) {
  const t = await startSockets({
    config,
    entrances: ({ authenticateToken }) => {
      const credentials = { ofToken: authenticateToken } as never;
      const sockets = [createSocialSocket({ credentials, config: readSettings(gatewaySettings, {}, []) })];
      const dialect = { name: "social", sockets, toAnswer } as const;
      const metrics = { socketOpened: (name: string, path: string) => opened.push(`${name} ${path}`) };
      return createDialectEntrances({ dialects: [dialect as never], metrics: metrics as never });
    },
  });
  return { ...t, socialUrl: `ws://127.0.0.1:${t.port}/messenger/ws` };
}

type Started = TestSockets & { socialUrl: string };

const open = (t: Started, userId: string, sessionId = "s1") =>
  SocialClient.open(t.socialUrl, t.token(userId, sessionId));

const [alice, bob] = [randomUUID(), randomUUID()];

describe("opening social's socket", async () => {
  const t = await start();

  async function refused(url: string, options: object = {}) {
    const ws = new WebSocket(url, options);
    ws.on("error", () => {});
    const [, response] = await once(ws, "unexpected-response", { signal: AbortSignal.timeout(5_000) });
    const body = JSON.parse(Buffer.concat(await response.toArray()).toString());
    return { status: response.statusCode, headers: response.headers, body };
  }

  it("is refused in the old shape, and said to be an old API all the same", async () => {
    for (const query of ["", "?token=", "?token=nonsense", `?token=${t.token(alice, "s1", -10)}`]) {
      const { status, headers, body } = await refused(t.socialUrl + query);
      assert.deepEqual([status, Object.keys(body), body.code], [401, ["code", "message"], 401], query);
      assert.match(headers["content-type"], /^application\/json/);
      assert.match(headers.deprecation, /^@\d+$/);
    }
    const basic = await refused(t.socialUrl, { headers: { authorization: "Basic YTpi" } });
    assert.equal(basic.status, 401);
    assert.equal((await refused(`${t.socialUrl}/?token=${t.token(alice)}`)).status, 404);
  });

  it("takes the token of the address, or a bare one, and says what replaces it", async () => {
    const before = opened.length;
    const { upgrade } = await open(t, alice);
    assert.match(upgrade?.headers.deprecation as string, /^@\d+$/);
    assert.match(upgrade?.headers.sunset as string, / GMT$/);
    assert.match(upgrade?.headers.link as string, /^<\/v2\/ws>; rel="successor-version"/);
    assert.deepEqual(opened.slice(before), ["social /messenger/ws"]);
    const bare = new WebSocket(t.socialUrl, { headers: { authorization: t.token(alice) } });
    await once(bare, "open");
    bare.terminate();
  });

  it("takes whatever subprotocol it is asked for: a browser would not go on without", async () => {
    const client = await SocialClient.open(t.socialUrl, t.token(alice), ["chat", "json"]);
    assert.equal(client.ws.protocol, "chat");
  });

  it("leaves v2's as it is", async () => {
    const ws = new WebSocket(t.url, "parley.v2.json", {
      headers: { authorization: `Bearer ${t.token(alice)}` },
    });
    const [response] = await once(ws, "upgrade");
    assert.equal(response.headers.deprecation, undefined);
    ws.terminate();
  });

  it("is done when events reach it, and not before", async () => {
    const chatId = t.messenger.createChat([alice, bob]);
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    let asked = 0;
    t.messenger.before.listPositions = () => {
      asked += 1;
      return gate;
    };
    const client = new SocialClient(t.socialUrl, t.token(bob));
    client.ws.on("open", () => t.messenger.send(chatId, alice, "at once"));
    await until("the positions are asked for", () => asked > 0);
    assert.equal(client.ws.readyState, WebSocket.CONNECTING);
    go();
    t.messenger.before = {};
    assert.deepEqual(await client.untilTexts(1), ["at once"]);
  });

  it("ends in a close that says to come again when events cannot reach it", async () => {
    t.messenger.before.listPositions = () => {
      throw fault("unavailable");
    };
    const client = await open(t, bob);
    assert.equal((await client.untilClosed()).code, 4409);
    t.messenger.before = {};
  });
});

describe("the frames of social's socket", async () => {
  const t = await start({ PARLEY_WS_MAX_FRAME_BYTES: 4_096, PARLEY_WS_MAX_CALLS: 5 });

  it("reach the others, in their order, and come back to nobody", async () => {
    const chatId = t.messenger.createChat([alice, bob]);
    const [sender, twin, reader] = [await open(t, alice), await open(t, alice), await open(t, bob)];
    sender.send(chatId, "one", "two");
    sender.send(chatId, "three");
    assert.deepEqual(await reader.untilTexts(3), ["one", "two", "three"]);
    assert.deepEqual(
      reader.messages.map((one) => [one.user_id, one.chat_id, one.status]),
      Array.from({ length: 3 }, () => [alice, chatId, "received"]),
    );
    reader.send(chatId, "four");
    assert.deepEqual(await sender.untilTexts(1), ["four"]);
    assert.deepEqual(await twin.untilTexts(1), ["four"]);
    assert.deepEqual([...sender.others, ...reader.others, ...twin.others], []);
  });

  it("reach those who are there already when a chat begins", async () => {
    const [sender, reader] = [await open(t, alice), await open(t, bob)];
    const chatId = t.messenger.createChat([alice, bob]);
    sender.send(chatId, "new here");
    assert.deepEqual(await reader.untilTexts(1), ["new here"]);
  });

  it("are refused one by one when nothing is wrong but what they ask for", async () => {
    const foreign = t.messenger.createChat([randomUUID()]);
    const client = await open(t, alice);
    for (let i = 0; i < 5; i++) client.send(foreign, "let me in");
    for (let i = 0; i < 12; i++) client.send("no chat", "hello");
    assert.deepEqual((await client.untilErrors(17)).sort(), [...Array(12).fill(400), ...Array(5).fill(404)]);
    assert.equal(client.closed, undefined);
  });

  it("are too many at a time in one payload, and those are told so", async () => {
    const chatId = t.messenger.createChat([alice, bob]);
    const client = await open(t, alice);
    client.send(chatId, ..."abcdefgh");
    assert.deepEqual(await client.untilErrors(3), [429, 429, 429]);
    assert.equal(t.messenger.log(chatId).length, 5);
  });

  it("close the socket when ten in a row cannot be read", async () => {
    const chatId = t.messenger.createChat([alice, bob]);
    const client = await open(t, alice);
    const broken = () => client.sendFrame({ payload: 7 });
    for (let i = 0; i < 9; i++) broken();
    client.send(chatId, "sorry");
    for (let i = 0; i < 9; i++) broken();
    assert.deepEqual(await client.untilErrors(18), Array(18).fill(400));
    assert.equal(client.closed, undefined);
    client.ws.send(Buffer.from("binary"));
    assert.equal((await client.untilClosed()).code, 1008);
    assert.equal(client.errors.at(-1)?.message, "Frames must be text");
  });

  it("may not be too long", async () => {
    const client = await open(t, alice);
    client.send(randomUUID(), "x".repeat(5_000));
    assert.equal((await client.untilClosed()).code, 1009);
  });
});

describe("the end of social's socket", async () => {
  const t = await start();

  it("comes with the session", async () => {
    const [client, other] = [await open(t, alice, "ending"), await open(t, alice, "lasting")];
    t.endSession("ending");
    assert.equal((await client.untilClosed()).code, 4403);
    assert.equal(other.closed, undefined);
  });

  it("comes with the token, and not as long as pings are answered", async () => {
    const client = await open(t, bob);
    let pings = 0;
    client.ws.on("ping", () => {
      pings += 1;
    });
    let pongs = 0;
    client.ws.on("pong", () => {
      pongs += 1;
    });
    while (!client.closed) {
      const before = pings;
      t.pass(25);
      await until("a ping or the end", () => pings > before || client.closed !== undefined);
      // What comes back after it, the answer to the ping came before.
      if (client.ws.readyState !== WebSocket.OPEN) continue;
      client.ws.ping();
      await until("a pong or the end", () => pongs > before || client.closed !== undefined);
    }
    assert.equal(client.closed.code, 4401);
    assert.ok(pings >= 20, `${pings} pings within ${tokenSeconds} s`);
  });

  it("comes when the server stops, also to who is not open yet", async () => {
    const stopping = await start();
    const client = await open(stopping, alice);
    const held = Promise.withResolvers<void>();
    let asked = 0;
    stopping.messenger.before.listPositions = () => {
      asked += 1;
      return held.promise;
    };
    const late = new SocialClient(stopping.socialUrl, stopping.token(bob));
    await until("the positions are asked for", () => asked > 0);
    await stopping.sockets.stop();
    assert.equal((await client.untilClosed()).code, 1012);
    await late.untilClosed();
    held.resolve();
  });
});
