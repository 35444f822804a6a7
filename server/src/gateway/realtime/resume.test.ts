import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { fault } from "#platform/errors.ts";
import { SocketClient } from "#test/socket-client.ts";
import { startSockets, type TestSockets } from "#test/sockets.ts";
import { until } from "#test/until.ts";

const person = () => randomUUID();
const opened = (t: TestSockets, userId: string) => SocketClient.open(t.url, t.token(userId));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

function fill(t: TestSockets, chatId: string, userId: string, count: number) {
  for (let n = 0; n < count; n++) t.messenger.send(chatId, userId, `text ${n}`);
}

describe("Resume", async () => {
  const t = await startSockets({
    config: { PARLEY_RESUME_MAX_EVENTS: 500, PARLEY_RESUME_MAX_TOTAL_EVENTS: 600 },
  });

  it("pushes the complete gap before its answer, in bounded frames, then goes on live", async () => {
    const ann = person();
    const chatId = t.messenger.createChat([ann]);
    fill(t, chatId, ann, 450);
    const client = await opened(t, ann);
    const answer = await client.resume({ [chatId]: 10 });
    assert.deepEqual(answer, { chats: [{ chatId, seq: 450, recovered: true }] });
    assert.deepEqual(client.seqs(chatId), range(11, 450));
    assert.ok(client.frames.length < 10);
    fill(t, chatId, ann, 2);
    await client.until(() => client.seqs(chatId).length === 442);
    assert.deepEqual(client.events.at(-1)?.message?.text, "text 1");
  });

  it("recovers nothing of a gap above the limit, of a position that is not there, or of an unnamed chat", async () => {
    const ann = person();
    const [large, ahead, unnamed] = [1, 2, 3].map(() => t.messenger.createChat([ann]));
    fill(t, large!, ann, 501);
    const client = await opened(t, ann);
    const { chats } = await client.resume({ [large!]: 0, [ahead!]: 5, [person()]: 3 });
    const bySeq = new Map(chats?.map((chat) => [chat.chatId, chat]));
    assert.equal(bySeq.size, 3);
    assert.deepEqual(bySeq.get(large), { chatId: large, seq: 501, recovered: false });
    assert.deepEqual(bySeq.get(ahead), { chatId: ahead, seq: 0, recovered: false });
    assert.deepEqual(bySeq.get(unnamed), { chatId: unnamed, seq: 0, recovered: false });
    assert.deepEqual(client.events, []);
    for (const chatId of [large!, ahead!, unnamed!]) fill(t, chatId, ann, 1);
    await client.until(() => client.events.length === 3);
    assert.deepEqual(client.seqs(large!), [502]);
  });

  it("spends the total on the shortest gaps", async () => {
    const ann = person();
    const [long, short] = [t.messenger.createChat([ann]), t.messenger.createChat([ann])];
    fill(t, long, ann, 400);
    fill(t, short, ann, 300);
    const client = await opened(t, ann);
    const { chats } = await client.resume({ [long]: 0, [short]: 0 });
    assert.equal(chats?.find((chat) => chat.chatId === short)?.recovered, true);
    assert.equal(chats?.find((chat) => chat.chatId === long)?.recovered, false);
    assert.deepEqual(client.seqs(long), []);
    assert.deepEqual(client.seqs(short), range(1, 300));
  });

  it("asks once for all chats when nothing was missed", async () => {
    const ann = person();
    const chatIds = range(1, 50).map(() => t.messenger.createChat([ann, person()]));
    for (const chatId of chatIds) fill(t, chatId, ann, 2);
    const positions = Object.fromEntries(chatIds.map((chatId) => [chatId, 2]));
    const before = { ...t.messenger.calls };
    const client = await opened(t, ann);
    const { chats } = await client.resume(positions);
    assert.equal(
      chats?.every(({ recovered }) => recovered),
      true,
    );
    assert.deepEqual(t.messenger.calls, { ...before, listPositions: before.listPositions + 1 });
  });

  it("asks again when it had to open the feed of a chat that the client did not name", async () => {
    const ann = person();
    const chatId = t.messenger.createChat([ann]);
    const before = t.messenger.calls.listPositions;
    const client = await opened(t, ann);
    // What is stored between the two answers would be known to nobody here if there were only one.
    let answers = 0;
    t.messenger.before.listPositions = () => {
      answers += 1;
      if (answers === 2) fill(t, chatId, ann, 1);
    };
    const { chats } = await client.resume();
    t.messenger.before = {};
    assert.equal(t.messenger.calls.listPositions - before, 2);
    assert.equal(chats?.[0]?.seq, 1);
  });

  it("reads a gap once for a whole room that reconnects", async () => {
    const people = range(1, 40).map(person);
    const chatId = t.messenger.createChat(people);
    fill(t, chatId, people[0]!, 100);
    const clients = await Promise.all(people.map((one) => opened(t, one)));
    const before = { ...t.messenger.calls };
    const held = Promise.withResolvers<void>();
    t.messenger.before.listEvents = () => held.promise;
    const resumed = Promise.all(clients.map((client) => client.resume({ [chatId]: 0 })));
    const asked = () => t.messenger.calls.listPositions - before.listPositions;
    await until("all of them wait for the read", () => asked() === people.length);
    held.resolve();
    await resumed;
    t.messenger.before = {};
    for (const client of clients) assert.deepEqual(client.seqs(chatId), range(1, 100));
    assert.equal(t.messenger.calls.listEvents - before.listEvents, 1);
  });

  it("may be repeated, and replays from the given position", async () => {
    const ann = person();
    const chatId = t.messenger.createChat([ann]);
    fill(t, chatId, ann, 5);
    const client = await opened(t, ann);
    await client.resume({ [chatId]: 5 });
    const again = await client.resume({ [chatId]: 2 });
    assert.deepEqual(again, { chats: [{ chatId, seq: 5, recovered: true }] });
    fill(t, chatId, ann, 1);
    await client.until(() => client.seqs(chatId).length === 4);
    assert.deepEqual(client.seqs(chatId), [3, 4, 5, 6]);
  });

  it("fails as a whole when the messenger is away, delivers nothing then, and can be tried again", async () => {
    const ann = person();
    const chatId = t.messenger.createChat([ann]);
    fill(t, chatId, ann, 3);
    const client = await opened(t, ann);
    t.messenger.before.listEvents = () => Promise.reject(fault("unavailable"));
    const { error } = await client.ask("RealtimeService/Resume", { positions: { [chatId]: 1 } });
    assert.equal(error?.code, "unavailable");
    t.messenger.before = {};
    fill(t, chatId, ann, 1);
    assert.deepEqual(await client.resume({ [chatId]: 1 }), { chats: [{ chatId, seq: 4, recovered: true }] });
    assert.deepEqual(client.seqs(chatId), [2, 3, 4]);
  });

  it("pushes nothing twice that happens while a socket that is live resumes", async () => {
    const ann = person();
    const chatId = t.messenger.createChat([ann]);
    const client = await opened(t, ann);
    await client.resume({ [chatId]: 0 });
    t.messenger.before.listPositions = () => fill(t, chatId, ann, 2);
    const { chats } = await client.resume({ [chatId]: 0 });
    t.messenger.before = {};
    assert.deepEqual(chats, [{ chatId, seq: 2, recovered: true }]);
    assert.deepEqual(client.seqs(chatId), [1, 2]);
  });

  it("pushes nothing out of order to who is removed and added while it resumes, and says so", async () => {
    const [ann, ben] = [person(), person()];
    const chatId = t.messenger.createChat([ann, ben]);
    fill(t, chatId, ann, 3);
    const [other, client] = await Promise.all([opened(t, ann), opened(t, ben)]);
    await other.resume({ [chatId]: 3 });
    t.messenger.before.listPositions = () => {
      t.messenger.removeMember(chatId, ben);
      t.messenger.addMembers(chatId, [ben]);
    };
    const { chats } = await client.resume({ [chatId]: 2 });
    t.messenger.before = {};
    assert.deepEqual(chats, [{ chatId, seq: 5, recovered: false }]);
    fill(t, chatId, ann, 1);
    await client.until(() => client.seqs(chatId).at(-1) === 6);
    assert.deepEqual(client.seqs(chatId), [5, 6]);
  });

  it("does not call recovered what it could not read while its user was no member", async () => {
    const [ann, ben] = [person(), person()];
    const [left, slow] = [t.messenger.createChat([ann, ben]), t.messenger.createChat([ann, ben])];
    for (const chatId of [left, slow]) fill(t, chatId, ann, 3);
    const [other, client] = await Promise.all([opened(t, ann), opened(t, ben)]);
    await other.resume({ [left]: 3, [slow]: 3 });
    let reads = 0;
    t.messenger.before.listEvents = async () => {
      reads += 1;
      if (reads === 1) return t.messenger.removeMember(left, ben);
      await new Promise((resolve) => setTimeout(resolve, 20));
      t.messenger.addMembers(left, [ben]);
    };
    const { chats } = await client.resume({ [left]: 2, [slow]: 1 });
    t.messenger.before = {};
    assert.deepEqual(client.seqs(left), [5]);
    assert.deepEqual(
      chats?.find(({ chatId }) => chatId === left),
      { chatId: left, seq: 5, recovered: false },
    );
  });

  it("delivers nothing before it is called", async () => {
    const ann = person();
    const chatId = t.messenger.createChat([ann]);
    const client = await opened(t, ann);
    const { message } = await client.call("MessengerService/SendMessage", { chatId, text: "x" });
    assert.equal(message.seq, 1);
    await client.call("RealtimeService/WatchPresence");
    assert.deepEqual(client.events, []);
  });
});
