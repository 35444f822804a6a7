/** The client's connection, and what comes over it, against a server that loses connections, answers and pushes. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { record, startClients, upTo } from "../test/clients.ts";
import { until } from "../test/until.ts";
import type { ClientState } from "./client.ts";

const { newClient, pair, server, signedIn } = await startClients();

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
