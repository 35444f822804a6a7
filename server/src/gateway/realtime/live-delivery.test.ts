import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { fault } from "#platform/errors.ts";
import { FaultyBus } from "#test/faulty-bus.ts";
import { SocketClient } from "#test/socket-client.ts";
import { startSockets, type TestSockets } from "#test/sockets.ts";

const person = () => randomUUID();
const opened = (t: TestSockets, userId: string) => SocketClient.open(t.url, t.token(userId));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

function fill(t: TestSockets, chatId: string, userId: string, count: number) {
  for (let n = 0; n < count; n++) t.messenger.send(chatId, userId, `text ${n}`);
}

describe("live delivery", async () => {
  it("follows new chats, lets in who is added and lets go who is removed", async () => {
    const t = await startSockets();
    const [ann, ben, cy] = [person(), person(), person()];
    const clients = await Promise.all([ann, ben, cy].map((one) => opened(t, one)));
    const [a, b, c] = clients as [SocketClient, SocketClient, SocketClient];
    await Promise.all(clients.map((client) => client.resume()));
    const chatId = t.messenger.createChat([ann, ben]);
    fill(t, chatId, ann, 1);
    t.messenger.addMembers(chatId, [cy]);
    fill(t, chatId, ben, 1);
    t.messenger.removeMember(chatId, cy);
    fill(t, chatId, ann, 1);
    await Promise.all([a, b].map((client) => client.until(() => client.seqs(chatId).length === 5)));
    for (const client of [a, b]) {
      assert.equal(client.events[0]?.kind, "chat");
      assert.deepEqual(client.seqs(chatId), [1, 2, 3, 4, 5]);
    }
    await c.until(() => c.seqs(chatId).length === 3);
    await c.call("RealtimeService/WatchPresence");
    assert.deepEqual(c.seqs(chatId), [2, 3, 4]);
    assert.equal(c.events.at(-1)?.membership?.change, "removed");
  });

  it("lets in a thousand people who are added at once, each from their own event on", async () => {
    const t = await startSockets();
    const owner = person();
    const chatId = t.messenger.createChat([owner]);
    const people = range(1, 60).map(person);
    const clients = await Promise.all(people.map((one) => opened(t, one)));
    await Promise.all(clients.map((client) => client.resume()));
    t.messenger.addMembers(chatId, people);
    for (const [index, client] of clients.entries()) {
      await client.until(() => client.seqs(chatId).at(-1) === 60);
      assert.deepEqual(client.seqs(chatId), range(index + 1, 60));
    }
  });

  it("finds out by itself when the bus lost the last events", async () => {
    const bus = new FaultyBus();
    const t = await startSockets({ bus, config: { PARLEY_POSITION_CHECK_SECONDS: 5 } });
    const ann = person();
    const chatId = t.messenger.createChat([ann]);
    const client = await opened(t, ann);
    await client.resume({ [chatId]: 0 });
    bus.mood = "lose";
    fill(t, chatId, ann, 3);
    t.pass(6);
    await client.until(() => client.seqs(chatId).length === 3);
    assert.deepEqual(client.seqs(chatId), [1, 2, 3]);
  });

  it("looks at all users when the bus says that it may have lost messages, and again until it can", async () => {
    const bus = new FaultyBus();
    const t = await startSockets({ bus, config: { PARLEY_POSITION_CHECK_SECONDS: 0 } });
    const people = [person(), person(), person()];
    const chatIds = people.map((userId) => t.messenger.createChat([userId]));
    const clients = await Promise.all(people.map((userId) => opened(t, userId)));
    await Promise.all(clients.map((client, i) => client.resume({ [chatIds[i]!]: 0 })));
    bus.mood = "lose";
    for (const [i, userId] of people.entries()) fill(t, chatIds[i]!, userId, 3);
    t.pass(3);
    assert.equal(t.messenger.calls.listPositions, people.length, "for the resumes only");
    t.messenger.before.listPositions = () => {
      throw fault("unavailable");
    };
    bus.tellGap();
    t.pass(1);
    await new Promise(setImmediate);
    t.messenger.before = {};
    for (const [i, client] of clients.entries()) {
      await client.until(() => {
        t.pass(1);
        return client.seqs(chatIds[i]!).length === 3;
      });
    }
  });

  it("looks for what came between the news of a chat and the subscription to it", async () => {
    const bus = new FaultyBus();
    const t = await startSockets({ bus, config: { PARLEY_POSITION_CHECK_SECONDS: 0 } });
    const [ann, ben] = [person(), person()];
    const old = t.messenger.createChat([ann]);
    const client = await opened(t, ben);
    await client.resume();
    bus.mood = "hold";
    const created = t.messenger.createChat([ann, ben]);
    t.messenger.addMembers(old, [ben]);
    bus.mood = "lose";
    for (const chatId of [created, old]) fill(t, chatId, ann, 2);
    bus.release(0);
    await client.until(() => client.seqs(created).length === 2 && client.seqs(old).length === 3);
    assert.deepEqual([client.seqs(created), client.seqs(old)], [range(1, 2), range(1, 3)]);
  });

  it("has who was removed resume when the news of it was lost", async () => {
    const bus = new FaultyBus();
    const t = await startSockets({ bus, config: { PARLEY_POSITION_CHECK_SECONDS: 5 } });
    const ann = person();
    const chatId = t.messenger.createChat([ann]);
    const client = await opened(t, ann);
    await client.resume({ [chatId]: 0 });
    bus.mood = "lose";
    t.messenger.removeMember(chatId, ann);
    t.pass(6);
    assert.equal((await client.untilClosed()).code, 4409);
    assert.deepEqual(client.events, []);
  });

  it("has who was added resume when the news of it was lost", async () => {
    const bus = new FaultyBus();
    const t = await startSockets({ bus, config: { PARLEY_POSITION_CHECK_SECONDS: 1 } });
    const ann = person();
    const client = await opened(t, ann);
    await client.resume();
    bus.mood = "lose";
    const chatId = t.messenger.createChat([ann]);
    for (let second = 0; second < 4; second++) {
      t.pass(1);
      await new Promise(setImmediate);
    }
    assert.equal((await client.untilClosed()).code, 4409);
    const again = await opened(t, ann);
    assert.deepEqual((await again.resume()).chats?.[0]?.chatId, chatId);
  });

  it("keeps the order when events wait for a gap that cannot be read for a while", async () => {
    const bus = new FaultyBus();
    const t = await startSockets({ bus });
    const ann = person();
    const chatId = t.messenger.createChat([ann]);
    const client = await opened(t, ann);
    await client.resume({ [chatId]: 0 });
    let failures = 2;
    t.messenger.before.listEvents = () => {
      failures -= 1;
      if (failures >= 0) throw fault("unavailable");
    };
    bus.mood = "lose";
    fill(t, chatId, ann, 1);
    bus.mood = "deliver";
    fill(t, chatId, ann, 1_500);
    await client.until(() => client.seqs(chatId).length === 1_501);
    assert.deepEqual(client.seqs(chatId), range(1, 1_501));
  });

  it("stores what one socket sends in the order in which it sent it", async () => {
    const t = await startSockets();
    const ann = person();
    const chatId = t.messenger.createChat([ann]);
    t.messenger.before.sendMessages = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
    const client = await opened(t, ann);
    await client.resume({ [chatId]: 0 });
    const sends = range(1, 200).map((n) =>
      client.ask("MessengerService/SendMessage", { chatId, text: `${n}` }),
    );
    const answers = await Promise.all(sends);
    assert.deepEqual(
      answers.map(({ result }) => result.message.no),
      range(1, 200),
    );
    await client.until(() => client.events.length === 200);
    assert.deepEqual(
      client.events.map((event) => event.message?.text),
      range(1, 200).map(String),
    );
    assert.ok(t.messenger.calls.sendMessages < 100, `${t.messenger.calls.sendMessages} batches`);
  });

  it("tells the positions of active chats now and then", async () => {
    const t = await startSockets({ config: { PARLEY_WS_PING_SECONDS: 20 } });
    const ann = person();
    const [busy, quiet] = [t.messenger.createChat([ann]), t.messenger.createChat([ann])];
    const client = await opened(t, ann);
    await client.resume({ [busy]: 0, [quiet]: 0 });
    fill(t, busy, ann, 3);
    t.pass(21);
    await client.until(() => client.positions.length === 1);
    assert.deepEqual(client.positions, [{ [busy]: 3 }]);
    await client.call("RealtimeService/WatchPresence");
    t.pass(21);
    await client.call("RealtimeService/WatchPresence");
    assert.equal(client.positions.length, 1);
  });

  it("closes a client that stops reading, and no other one notices", async () => {
    const t = await startSockets({ config: { PARLEY_WS_MAX_BUFFERED_BYTES: 262_144 } });
    const [ann, ben] = [person(), person()];
    const chatId = t.messenger.createChat([ann, ben]);
    const [reader, sleeper] = await Promise.all([opened(t, ann), opened(t, ben)]);
    await Promise.all([reader, sleeper].map((client) => client.resume({ [chatId]: 0 })));
    sleeper.ws.pause();
    const text = "x".repeat(16_000);
    let sent = 0;
    while (t.sockets.size === 2 || sent < 600) {
      for (let n = 0; n < 10; n++) t.messenger.send(chatId, ann, text);
      sent += 10;
      await reader.until(() => reader.seqs(chatId).length === sent);
      assert.ok(sent < 5_000, "the sleeper was never closed");
      if (sent > 2_000) sleeper.ws.resume();
    }
    assert.deepEqual(reader.seqs(chatId), range(1, sent));
    sleeper.ws.resume();
    await sleeper.untilClosed();
    const got = sleeper.seqs(chatId);
    assert.deepEqual(got, range(1, got.length));
    const again = await opened(t, ben);
    const { chats } = await again.resume({ [chatId]: got.length });
    assert.deepEqual([chats?.[0]?.seq, chats?.[0]?.recovered], [sent, sent - got.length <= 1_000]);
  });
});
