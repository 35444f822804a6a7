/** The whole client against a server that loses connections, answers and pushes. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { WebSocket as WsSocket } from "ws";
import { type ProtocolServer, startProtocolServer } from "../test/protocol-server.ts";
import type { Chat } from "../test/protocol-state.ts";
import { until } from "../test/until.ts";
import {
  type ClientState,
  createParleyClient,
  type OutboxEntry,
  type ParleyClient,
  type ParleyClientOptions,
  type ParleyError,
  type Refetch,
} from "./client.ts";

let server: ProtocolServer;
let people = 0;
const clients: ParleyClient[] = [];

before(async () => {
  server = await startProtocolServer();
});
after(async () => {
  for (const client of clients) client.close();
  await server.stop();
});

const password = "correct horse";

async function signedIn(options: Partial<ParleyClientOptions> = {}): Promise<ParleyClient> {
  const client = newClient(options);
  const email = `person-${++people}@example.org`;
  await client.signUp({ email, password, name: `Person ${people}` });
  await client.signIn({ email, password });
  return client;
}

function newClient(options: Partial<ParleyClientOptions> = {}): ParleyClient {
  const client = createParleyClient({
    url: server.url,
    backoff: { minMs: 1, maxMs: 10 },
    maxSendsPerSecond: Number.POSITIVE_INFINITY,
    webSocket: (url, protocol, headers) => new WsSocket(url, protocol, { ...(headers ? { headers } : {}) }),
    ...options,
  });
  clients.push(client);
  return client;
}

async function pair(): Promise<{ ada: ParleyClient; bob: ParleyClient; chat: Chat }> {
  server.trouble = {};
  const [ada, bob] = await Promise.all([signedIn(), signedIn()]);
  const chat = server.state.createChat([ada.user!.id, bob.user!.id]);
  await Promise.all([ada.connect(), bob.connect()]);
  return { ada, bob, chat };
}

function record(client: ParleyClient): { seqs: number[]; texts: string[]; refetches: Refetch[] } {
  const heard = { seqs: [] as number[], texts: [] as string[], refetches: [] as Refetch[] };
  client.on("event", (event) => heard.seqs.push(event.seq));
  client.on("message", (message) => heard.texts.push(message.text));
  client.on("refetch", (refetch) => heard.refetches.push(refetch));
  return heard;
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
const storedTexts = (chat: Chat) => chat.log.map(({ message }) => message?.text);

describe("connecting", () => {
  test("delivers what others send, with the platform's WebSocket and with ws, by header and by ticket", async () => {
    server.trouble = {};
    const native = { webSocket: undefined as never };
    const readers = await Promise.all([
      signedIn(native),
      signedIn({ ...native, socketAuth: "ticket" }),
      signedIn({ socketAuth: "ticket" }),
    ]);
    const sender = await signedIn();
    const chat = server.state.createChat([sender, ...readers].map(({ user }) => user!.id));
    const heard = readers.map(record);
    await Promise.all([sender, ...readers].map((client) => client.connect()));
    const message = await sender.sendMessage(chat.id, "hello", { replyTo: "m0" });
    assert.equal(message.text, "hello");
    assert.equal(message.replyTo, "m0");
    for (const { texts } of heard) await until("it arrived", () => texts.length === 1);
    assert.deepEqual(
      heard.flatMap(({ seqs }) => seqs),
      [1, 1, 1],
    );
  });

  test("tells its state, and comes back by itself", async () => {
    server.trouble = {};
    const client = await signedIn();
    const states: ClientState[] = [];
    client.on("state", (state) => states.push(state));
    await client.connect();
    server.dropAll();
    await until("it is back", () => client.state === "online" && states.length === 4);
    client.disconnect();
    assert.deepEqual(states, ["connecting", "online", "connecting", "online", "offline"]);
  });

  test("connect waits for a server that is not there yet", async () => {
    server.trouble = {};
    const client = await signedIn();
    let refused = 0;
    server.trouble.refusesHandshake = () => ++refused <= 3;
    await client.connect();
    assert.equal(refused, 4);
  });

  test("connect without a session rejects", async () => {
    await assert.rejects(newClient().connect(), { code: "signed-out" });
    await assert.rejects(newClient().sendMessage("c", "t"), { code: "signed-out" });
  });

  test("watches presence again after a reconnect", async () => {
    const { ada, bob } = await pair();
    const ids = [bob.user!.id];
    assert.deepEqual(await ada.watchPresence(ids), [{ userId: ids[0], online: true }]);
    const heard: string[] = [];
    ada.on("presence", ({ userId }) => heard.push(userId));
    server.dropAll();
    await until("presence is told", () => heard.length === 1);
    assert.deepEqual(heard, ids);
  });

  test("close ends everything that is under way", async () => {
    const { ada, chat } = await pair();
    server.trouble = { beforeCommit: () => "overloaded" };
    const sending = ada.sendMessage(chat.id, "never");
    ada.close();
    await assert.rejects(sending, { code: "closed" });
    await assert.rejects(ada.listChats(), { code: "closed" });
    await assert.rejects(ada.call("MessengerService/ListChats", {}), { code: "network" });
    assert.equal(ada.state, "offline");
  });
});

describe("the session over a connection", () => {
  test("a session that was ended stops it, and says so", async () => {
    const { ada } = await pair();
    server.state.endSessions();
    server.closeAll(4403);
    await until("it is signed out", () => ada.state === "signed-out");
    assert.equal(ada.user, undefined);
    await assert.rejects(ada.connect(), { code: "signed-out" });
  });

  test("a handshake refused for an ended session signs out, and does not try for ever", async () => {
    const { ada } = await pair();
    server.state.endSessions();
    server.dropAll();
    await until("it is signed out", () => ada.state === "signed-out");
  });

  test("a token that the server no longer takes is renewed, and the connection goes on", async () => {
    const { ada, bob, chat } = await pair();
    const heard = record(bob);
    server.state.expireAccessTokens();
    server.closeAll(4401);
    await ada.sendMessage(chat.id, "still here");
    await until("it arrived", () => heard.texts.length === 1);
  });

  test("gives the socket a new token before the old one expires", async () => {
    server.trouble = {};
    server.state.tokenLifeS = 2;
    try {
      const client = await signedIn();
      await client.connect();
      const before = server.authenticated.length;
      await until("a new token was shown", () => server.authenticated.length > before);
      assert.equal(client.state, "online");
    } finally {
      server.state.tokenLifeS = 600;
    }
  });
});

describe("delivery", () => {
  test("what came while away is delivered once it is back, before what is new", async () => {
    const { ada, bob, chat } = await pair();
    const heard = record(bob);
    await ada.sendMessage(chat.id, "1");
    await until("the first arrived", () => heard.seqs.length === 1);
    bob.disconnect();
    for (const text of ["2", "3", "4"]) await ada.sendMessage(chat.id, text);
    await bob.connect();
    await ada.sendMessage(chat.id, "5");
    await until("all arrived", () => heard.seqs.length === 5);
    assert.deepEqual(heard, { seqs: upTo(5), texts: ["1", "2", "3", "4", "5"], refetches: [] });
  });

  test("a next client goes on where the one before stopped", async () => {
    const { ada, bob, chat } = await pair();
    await ada.sendMessage(chat.id, "1");
    await until("it arrived", () => bob.positions()[chat.id] === 1);
    bob.close();
    await ada.sendMessage(chat.id, "2");
    const next = await signedIn({ positions: bob.positions() });
    chat.memberIds.add(next.user!.id);
    const heard = record(next);
    await next.connect();
    assert.deepEqual(heard.texts, ["2"]);
  });

  test("a lost push shows by the next one, and is fetched", async () => {
    const { ada, bob, chat } = await pair();
    const heard = record(bob);
    let lost = 0;
    server.trouble.losesPush = (event, userId) =>
      userId === bob.user!.id && event.message?.text === "2" && lost++ === 0;
    for (const text of ["1", "2", "3"]) await ada.sendMessage(chat.id, text);
    await until("all arrived", () => heard.seqs.length === 3);
    assert.deepEqual(heard, { seqs: [1, 2, 3], texts: ["1", "2", "3"], refetches: [] });
  });

  test("a lost last push shows by the positions", async () => {
    const { ada, bob, chat } = await pair();
    const heard = record(bob);
    let lost = 0;
    server.trouble.losesPush = (_event, userId) => userId === bob.user!.id && lost++ === 0;
    await ada.sendMessage(chat.id, "1");
    server.sendPositions();
    await until("it arrived", () => heard.seqs.length === 1);
    assert.deepEqual(heard.refetches, []);
  });

  test("what cannot be recovered is told, and delivery goes on after it", async () => {
    const { ada, bob, chat } = await pair();
    const heard = record(bob);
    bob.disconnect();
    await ada.sendMessage(chat.id, "1");
    server.trouble.recovers = () => false;
    await bob.connect();
    await ada.sendMessage(chat.id, "2");
    await until("the second arrived", () => heard.seqs.length === 1);
    assert.deepEqual(heard, {
      seqs: [2],
      texts: ["2"],
      refetches: [{ chatId: chat.id, reason: "not-recovered" }],
    });
  });

  test("chats joined and left while away are told", async () => {
    const { ada, bob, chat } = await pair();
    const heard = record(bob);
    bob.disconnect();
    chat.memberIds.delete(bob.user!.id);
    const other = server.state.createChat([ada.user!.id, bob.user!.id]);
    await bob.connect();
    assert.deepEqual(
      new Set(heard.refetches),
      new Set([
        { chatId: chat.id, reason: "left" },
        { chatId: other.id, reason: "joined" },
      ]),
    );
  });

  test("one's own removal ends the chat; coming back starts it anew", async () => {
    const { ada, bob, chat } = await pair();
    const heard = record(bob);
    const userId = bob.user!.id;
    const change = (kind: string) =>
      server.publish(
        chat,
        server.state.append(chat, { kind: "membership", membership: { userId, change: kind } }),
      );
    change("removed");
    await until("the removal arrived", () => heard.seqs.length === 1);
    assert.equal(bob.positions()[chat.id], undefined);
    chat.memberIds.delete(userId);
    await ada.sendMessage(chat.id, "unheard");
    chat.memberIds.add(userId);
    change("added");
    await until("the return arrived", () => heard.seqs.length === 2);
    assert.deepEqual(heard.seqs, [1, 3]);
    assert.deepEqual(heard.refetches, [{ chatId: chat.id, reason: "joined" }]);
  });

  test("connect, then list: together they miss nothing that happens in between", async () => {
    const { ada, bob, chat } = await pair();
    bob.disconnect();
    const late = await signedIn();
    chat.memberIds.add(late.user!.id);
    const heard: { seq: number }[] = [];
    late.on("event", (event) => heard.push(event));
    const sending = Promise.all(upTo(100).map((n) => ada.sendMessage(chat.id, String(n))));
    await late.connect();
    const { chats } = await late.listChats();
    await sending;
    const { lastSeq } = chats.find(({ id }) => id === chat.id)!;
    const after = () => heard.map(({ seq }) => seq).filter((seq) => seq > lastSeq);
    await until("the rest arrived", () => lastSeq + after().length === 100);
    assert.deepEqual(after(), upTo(100).slice(lastSeq));
  });

  test("misses nothing and sees nothing twice, whatever breaks", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ drop: fc.boolean(), lose: fc.boolean() }), { minLength: 1, maxLength: 25 }),
        async (steps) => {
          const { ada, bob, chat } = await pair();
          const [adaHeard, bobHeard] = [record(ada), record(bob)];
          const userIds = [ada.user!.id, bob.user!.id];
          server.trouble.losesPush = ({ message }, userId) => {
            const index = Number(message!.text);
            return steps[index]!.lose && userIds[index % 2] === userId;
          };
          const sends = steps.map(({ drop }, index) => {
            const sent = (index % 3 === 0 ? ada : bob).sendMessage(chat.id, String(index));
            if (drop) server.dropAll();
            return sent;
          });
          await Promise.all(sends);
          const complete = () => [adaHeard, bobHeard].every(({ seqs }) => seqs.length >= steps.length);
          server.sendPositions();
          await until("all arrived", complete);
          assert.deepEqual(adaHeard.seqs, upTo(steps.length));
          assert.deepEqual(bobHeard.seqs, upTo(steps.length));
          assert.deepEqual([...adaHeard.refetches, ...bobHeard.refetches], []);
          ada.close();
          bob.close();
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("sending", () => {
  test("keeps the order and doubles nothing, whatever breaks", async () => {
    const trouble = fc.constantFrom("none", "drop-before", "drop-after", "drop-now");
    await fc.assert(
      fc.asyncProperty(fc.array(trouble, { minLength: 1, maxLength: 40 }), async (troubles) => {
        const { ada, bob, chat } = await pair();
        const waiting = new Map(troubles.map((kind, index) => [String(index), kind]));
        const strike = (text: string, kind: string) => waiting.get(text) === kind && waiting.delete(text);
        server.trouble.beforeCommit = (text) => (strike(text, "drop-before") ? "drop" : undefined);
        server.trouble.dropsAnswer = (text) => strike(text, "drop-after");
        const texts = [...troubles.keys()].map(String);
        const sends = texts.map((text) => {
          const sent = ada.sendMessage(chat.id, text);
          if (troubles[Number(text)] === "drop-now") server.dropAll();
          return sent;
        });
        const messages = await Promise.all(sends);
        assert.deepEqual(storedTexts(chat), texts);
        assert.deepEqual(
          messages.map(({ seq, text }) => [seq, text]),
          texts.map((text, i) => [i + 1, text]),
        );
        assert.deepEqual(ada.outbox(), []);
        ada.close();
        bob.close();
      }),
      { numRuns: 40 },
    );
  });

  test("keeps its place through refusals that pass, one chat not holding up another", async () => {
    const { ada, chat } = await pair();
    const other = server.state.createChat([ada.user!.id]);
    let refusals = 5;
    server.trouble.beforeCommit = (text) =>
      text.startsWith("a") && refusals-- > 0 ? "overloaded" : undefined;
    // One by one: of many in flight, a server may refuse one and take the next.
    const first = ada.sendMessage(chat.id, "a1");
    await ada.sendMessage(other.id, "b1");
    await first;
    await ada.sendMessage(chat.id, "a2");
    assert.deepEqual(storedTexts(chat), ["a1", "a2"]);
    assert.deepEqual(storedTexts(other), ["b1"]);
  });

  test("a message that is refused fails, the ones after it go on, and it can be sent again", async () => {
    const { ada, chat } = await pair();
    const told: string[] = [];
    ada.on("outbox", ({ text, state }) => told.push(`${text} ${state}`));
    server.trouble.beforeCommit = (text) => (text === "bad" ? "forbidden" : undefined);
    const bad = ada.sendMessage(chat.id, "bad");
    const good = ada.sendMessage(chat.id, "good");
    await assert.rejects(bad, { code: "forbidden" });
    await good;
    const [failed] = ada.outbox(chat.id) as [OutboxEntry];
    assert.equal(failed.state, "failed");
    assert.equal((failed.error as ParleyError).code, "forbidden");
    server.trouble = {};
    ada.retryMessage(failed.clientId);
    await until("it was sent", () => ada.outbox().length === 0);
    assert.deepEqual(storedTexts(chat), ["good", "bad"]);
    assert.deepEqual(told, [
      "bad pending",
      "good pending",
      "bad failed",
      "good sent",
      "bad pending",
      "bad sent",
    ]);
  });

  test("a failed message can be discarded", async () => {
    const { ada, chat } = await pair();
    server.trouble.beforeCommit = () => "forbidden";
    await assert.rejects(ada.sendMessage(chat.id, "bad"));
    ada.discardMessage(ada.outbox()[0]!.clientId);
    assert.deepEqual(ada.outbox(), []);
  });

  test("an error of the server's own holds up the queue only so long", async () => {
    const { ada, chat } = await pair();
    server.trouble.beforeCommit = (text) => (text === "poison" ? "internal" : undefined);
    const poison = ada.sendMessage(chat.id, "poison");
    const good = ada.sendMessage(chat.id, "good");
    await assert.rejects(poison, { code: "internal" });
    await good;
  });

  test("who retries everything twice makes no duplicate", async () => {
    const { ada, chat } = await pair();
    for (const text of ["1", "2", "3"]) {
      const clientId = `id-${text}`;
      const [first, second] = await Promise.all([
        ada.sendMessage(chat.id, text, { clientId }),
        ada.sendMessage(chat.id, text, { clientId }),
      ]);
      const third = await ada.sendMessage(chat.id, text, { clientId });
      assert.equal(second.id, first.id);
      assert.equal(third.id, first.id);
    }
    assert.deepEqual(storedTexts(chat), ["1", "2", "3"]);
  });

  test("hundreds in flight arrive in order", async () => {
    const { ada, bob, chat } = await pair();
    const heard = record(bob);
    const texts = upTo(2000).map(String);
    await Promise.all(texts.map((text) => ada.sendMessage(chat.id, text)));
    await until("all arrived", () => heard.texts.length === 2000);
    assert.deepEqual(heard.texts, texts);
  });

  test("works without a connection, over HTTP, in order; what is under way ends before the socket takes over", async () => {
    server.trouble = {};
    const client = await signedIn();
    const chat = server.state.createChat([client.user!.id]);
    const texts = upTo(10).map(String);
    const sends = texts.map((text) => client.sendMessage(chat.id, text));
    await sends[3];
    await Promise.all([client.connect(), ...sends]);
    assert.deepEqual(storedTexts(chat), texts);
    assert.ok(server.requests.includes(`POST /v2/chats/${chat.id}/messages`));
  });

  test("the outbox is bounded", async () => {
    server.trouble = { beforeCommit: () => "overloaded" };
    const client = await signedIn({ maxQueued: 2, backoff: { minMs: 60_000, maxMs: 60_000 } });
    const chat = server.state.createChat([client.user!.id]);
    await client.connect();
    void client.sendMessage(chat.id, "1");
    void client.sendMessage(chat.id, "2");
    await assert.rejects(client.sendMessage(chat.id, "3"), { code: "outbox-full" });
  });

  test("signing out gives up what was not sent", async () => {
    const { ada, chat } = await pair();
    server.trouble = { beforeCommit: () => "overloaded" };
    const sending = ada.sendMessage(chat.id, "never");
    await ada.signOut();
    await assert.rejects(sending, { code: "signed-out" });
    assert.equal(ada.state, "signed-out");
    assert.deepEqual(ada.outbox(), []);
  });
});
