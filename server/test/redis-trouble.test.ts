/** Redis dies, hangs and forgets under load: nothing is lost, doubled or out of order, and calls go on. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { startParley, type TestParley } from "#test/parley.ts";
import { assertWholeLog, podPerson, untilEvent } from "#test/pod-people.ts";
import { type RedisServer, startRedis, withoutRedis } from "#test/redis-server.ts";
import type { SocketClient } from "#test/socket-client.ts";
import { until } from "#test/until.ts";

/** Everyone sends, each message after the answer to the one before, until told to stop. */
function startLoad(senders: SocketClient[], chatId: string) {
  let isOver = false;
  let acknowledged = 0;
  const lane = async (socket: SocketClient) => {
    while (!isOver) {
      const params = { chatId, clientId: randomUUID(), text: "x" };
      await socket.call("MessengerService/SendMessage", params);
      acknowledged += 1;
    }
  };
  const lanes = senders.flatMap((socket) => [lane(socket), lane(socket)]);
  return {
    async more(count: number) {
      const target = acknowledged + count;
      await until(`${count} more are acknowledged`, () => acknowledged >= target);
    },
    /** Resolves to how many were acknowledged; rejects if any send failed. */
    async end() {
      isOver = true;
      await Promise.all(lanes);
      return acknowledged;
    },
  };
}

/** As Redis sees it; the pods come back each in its own time. */
async function untilConnected(redis: RedisServer, pods: number): Promise<void> {
  await until("all pods have subscribed", async () => {
    return (await redis.lines("PUBSUB NUMSUB parley:bus:{sessions}")).includes(`:${pods}`);
  });
}

async function groupOverPods(redis: RedisServer, pods: TestParley[]) {
  await untilConnected(redis, pods.length);
  const people = await Promise.all(pods.map((pod, i) => podPerson(pod, `P${i}`)));
  const memberIds = people.map(({ id }) => id);
  const sockets = await Promise.all(people.map((person, i) => person.at(pods[i]!)));
  const { id } = await people[0]!.client.createChat({ kind: "group", title: "trouble", memberIds });
  for (const socket of sockets)
    await untilEvent(socket, "the chat", (event) => event.kind === "chat" && event.chatId === id);
  return { people, sockets, chatId: id! };
}

describe("with a Redis in trouble", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const redis = await startRedis();
  // Only what follows from the trouble itself may make good what it lost.
  const a = await startParley({
    REDIS_URL: redis.url,
    PARLEY_POSITION_CHECK_SECONDS: "0",
    PARLEY_WS_PING_SECONDS: "2",
  });
  const b = await startParley(a.environment);
  const pods = [a, b];

  it("killed and started again under load: all is sent, and arrives at all pods once and in order", async () => {
    const { people, sockets, chatId } = await groupOverPods(redis, pods);
    const load = startLoad(sockets, chatId);
    await load.more(200);
    await redis.kill();
    await load.more(300);
    const during = await people[0]!.at(b);
    await load.more(100);
    const sent = await load.end();
    // No later message gives away what was lost.
    await redis.start();
    for (const socket of sockets) await assertWholeLog(socket, chatId, sent);
    await until("who connected meanwhile has what followed", () => during.seqs(chatId).at(-1) === sent);
    const seqs = during.seqs(chatId);
    assert.deepEqual(
      seqs,
      seqs.map((_, i) => seqs[0]! + i),
    );
    for (const socket of [...sockets, during]) socket.ws.close();
  });

  it("hung and going on under load: the same, and nobody waits for it", async () => {
    const { people, sockets, chatId } = await groupOverPods(redis, pods);
    const load = startLoad(sockets, chatId);
    await load.more(200);
    process.kill(redis.pid, "SIGSTOP");
    try {
      await load.more(300);
      const socket = await people[1]!.at(a);
      socket.ws.close();
    } finally {
      process.kill(redis.pid, "SIGCONT");
    }
    await load.more(300);
    const sent = await load.end();
    for (const socket of sockets) await assertWholeLog(socket, chatId, sent);
    for (const socket of sockets) socket.ws.close();
  });

  it("emptied again and again under load: nothing is lost", async () => {
    const { sockets, chatId } = await groupOverPods(redis, pods);
    const load = startLoad(sockets, chatId);
    for (let n = 0; n < 20; n++) {
      await load.more(20);
      await redis.command("FLUSHALL");
    }
    const sent = await load.end();
    for (const socket of sockets) await assertWholeLog(socket, chatId, sent);
    for (const socket of sockets) socket.ws.close();
  });

  it("a chat that was made meanwhile at another pod is followed after it", async () => {
    const { people, sockets } = await groupOverPods(redis, pods);
    await redis.kill();
    const chat = await people[1]!.client.createChat({ kind: "direct", memberIds: [people[0]!.id] });
    await redis.start();
    // Its socket cannot be told in order any more: it is sent to resume.
    assert.equal((await closed(sockets[0]!)).reason, "resume");
    const again = await people[0]!.at(a);
    await people[1]!.client.sendMessage(chat.id, "hello");
    await untilEvent(again, "the message", (event) => event.chatId === chat.id && event.seq === 1);
  });

  it("a session that ended meanwhile at another pod is known after it, and its socket closed", async () => {
    await untilConnected(redis, 2);
    const ann = await podPerson(a, "Ann");
    const atB = await ann.at(b);
    await redis.kill();
    for (const { id, current } of await ann.client.listSessions()) {
      if (!current) await ann.client.revokeSession(id!);
    }
    assert.equal(atB.closed, undefined);
    await redis.start();
    assert.equal((await closed(atB)).reason, "session ended");
  });
});

async function closed(socket: SocketClient) {
  await until("the socket is closed", () => socket.closed !== undefined);
  return socket.closed!;
}

describe("with a Redis that stays away", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const redis = await startRedis();
  const a = await startParley({ REDIS_URL: redis.url, PARLEY_POSITION_CHECK_SECONDS: "1" });
  const b = await startParley(a.environment);

  it("messages reach the other pods by the sweep, and the pods stay ready", async () => {
    const { sockets, chatId } = await groupOverPods(redis, [a, b]);
    await redis.kill();
    for (let n = 0; n < 50; n++) {
      await sockets[n % 2]!.call("MessengerService/SendMessage", { chatId, clientId: `${n}`, text: "x" });
    }
    for (const socket of sockets) await assertWholeLog(socket, chatId, 50);
    for (const pod of [a, b]) {
      assert.equal((await fetch(`${pod.opsUrl}/readyz`)).status, 200);
    }
    // Stopping does not wait for it.
    await a.stop();
  });
});
