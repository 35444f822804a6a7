import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { SocketClient } from "#test/socket-client.ts";
import { startSockets, type TestSockets } from "#test/sockets.ts";

const opened = (t: TestSockets, userId: string) => SocketClient.open(t.url, t.token(userId));

describe("presence", async () => {
  const t = await startSockets({ config: { PARLEY_PRESENCE_GRACE_SECONDS: 10 } });

  it("tells who of one's acquaintances comes and goes, and nothing of strangers", async () => {
    const [ann, ben, stranger] = [randomUUID(), randomUUID(), randomUUID()];
    t.messenger.createChat([ann, ben]);
    const [watcher] = await Promise.all([opened(t, ann), opened(t, stranger)]);
    const first = await watcher.call("RealtimeService/WatchPresence", { userIds: [ben, stranger, ann, ben] });
    assert.deepEqual(first.presence, [
      { userId: ben, online: false },
      { userId: stranger, online: false },
      { userId: ann, online: true },
    ]);
    const other = await opened(t, ben);
    await watcher.until(() => watcher.events.length === 1);
    const [event] = watcher.events;
    assert.deepEqual([event?.kind, event?.presence], ["presence", { userId: ben, online: true }]);
    assert.equal(event?.seq, undefined);
    other.ws.close();
    await other.untilClosed();
    await watcher.until(() => t.sockets.size === 2);
    t.pass(9);
    await watcher.call("RealtimeService/SendTyping", { chatId: t.messenger.createChat([ann]) });
    assert.equal(watcher.events.length, 1);
    t.pass(2);
    await watcher.until(() => watcher.events.length === 2);
    assert.deepEqual(watcher.events[1]?.presence, { userId: ben, online: false });
  });

  it("says nothing of someone who is back within the grace, nor to who no longer watches", async () => {
    const [ann, ben] = [randomUUID(), randomUUID()];
    t.messenger.createChat([ann, ben]);
    const [watcher, before] = await Promise.all([opened(t, ann), opened(t, ben)]);
    const { presence } = await watcher.call("RealtimeService/WatchPresence", { userIds: [ben] });
    assert.deepEqual(presence, [{ userId: ben, online: true }]);
    before.ws.close();
    await before.untilClosed();
    t.pass(5);
    const after = await opened(t, ben);
    t.pass(8);
    await watcher.call("RealtimeService/WatchPresence", { userIds: [] });
    after.ws.close();
    await after.untilClosed();
    t.pass(12);
    await watcher.call("RealtimeService/WatchPresence", { userIds: [] });
    assert.deepEqual(watcher.events, []);
  });
});

describe("typing", async () => {
  const t = await startSockets();

  it("is told to the members who are there, once a second, and not to others", async () => {
    const [ann, ben, cy] = [randomUUID(), randomUUID(), randomUUID()];
    const chatId = t.messenger.createChat([ann, ben]);
    const [a, b, c] = await Promise.all([opened(t, ann), opened(t, ben), opened(t, cy)]);
    await Promise.all([b, c].map((client) => client.resume()));
    for (let n = 0; n < 3; n++) assert.deepEqual(await a.call("RealtimeService/SendTyping", { chatId }), {});
    t.pass(1);
    await a.call("RealtimeService/SendTyping", { chatId });
    await b.until(() => b.events.length === 2);
    const [event] = b.events;
    assert.deepEqual([event?.kind, event?.actorId, event?.chatId], ["typing", ann, chatId]);
    assert.equal(event?.seq, undefined);
    const foreign = await c.ask("RealtimeService/SendTyping", { chatId });
    assert.equal(foreign.error?.code, "chat-not-found");
    assert.deepEqual(c.events, []);
    assert.equal(b.events.length, 2);
  });
});
