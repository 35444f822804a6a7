/** Several pods that share a database and a Redis. No sweep helps them: what arrives was pushed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startParley } from "#test/parley.ts";
import { podPerson, untilEvent } from "#test/pod-people.ts";
import { startRedisCluster } from "#test/redis-cluster.ts";
import { startRedis, withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";

const settings = { PARLEY_POSITION_CHECK_SECONDS: "0", PARLEY_PRESENCE_GRACE_SECONDS: "1" };

for (const shape of ["one server", "cluster"] as const) {
  describe(`pods that share a Redis, ${shape}`, { skip: withoutRedis }, async () => {
    if (withoutRedis) return;
    const redis = shape === "cluster" ? await startRedisCluster() : await startRedis();
    const a = await startParley({ ...settings, REDIS_URL: redis.url });
    const b = await startParley(a.environment);
    const [ada, bob] = [await podPerson(a, "Ada"), await podPerson(b, "Bob")];
    const [adaAtA, bobAtB] = [await ada.at(a), await bob.at(b)];
    const { id: chatId } = await ada.client.createChat({ kind: "direct", memberIds: [bob.id] });

    it("a new chat and its messages reach a socket at the other pod, in order", async () => {
      await untilEvent(bobAtB, "the new chat", (event) => event.kind === "chat" && event.chatId === chatId);
      for (let n = 1; n <= 50; n++) await (n % 2 ? ada : bob).client.sendMessage(chatId, `text ${n}`);
      const seqs = Array.from({ length: 50 }, (_, i) => i + 1);
      for (const socket of [adaAtA, bobAtB]) {
        await until("all are there", () => socket.seqs(chatId).length === 50);
        assert.deepEqual(socket.seqs(chatId), seqs);
      }
    });

    it("typing and reading are told at the other pod", async () => {
      await adaAtA.call("RealtimeService/SendTyping", { chatId });
      await untilEvent(bobAtB, "typing", ({ kind, actorId }) => kind === "typing" && actorId === ada.id);
      await bob.client.markRead(chatId, 50);
      await untilEvent(adaAtA, "read", ({ kind, actorId }) => kind === "read" && actorId === bob.id);
    });

    it("presence counts all pods", async () => {
      const { presence } = await adaAtA.call("RealtimeService/WatchPresence", { userIds: [bob.id] });
      assert.deepEqual(presence, [{ userId: bob.id, online: true }]);
      const second = await bob.at(a);
      bobAtB.ws.close();
      await bobAtB.untilClosed();
      second.ws.close();
      await second.untilClosed();
      const { presence: last } = await untilEvent(adaAtA, "offline", ({ kind }) => kind === "presence");
      assert.deepEqual(last, { userId: bob.id, online: false });
      const third = await bob.at(b);
      await until("online", () => adaAtA.events.some((event) => event.presence?.online === true));
      third.ws.close();
    });

    it("who is added at one pod hears of the chat at the other, and who is removed hears no more", async () => {
      const cy = await podPerson(b, "Cy");
      const cyAtB = await cy.at(b);
      const group = await ada.client.createChat({ kind: "group", title: "g", memberIds: [bob.id] });
      await ada.client.sendMessage(group.id, "before");
      await ada.client.addMembers(group.id, [cy.id]);
      await untilEvent(cyAtB, "the adding", (event) => event.membership?.change === "added");
      await ada.client.sendMessage(group.id, "for Cy");
      await untilEvent(cyAtB, "the message", (event) => event.message?.text === "for Cy");
      await ada.client.removeMember(group.id, cy.id);
      await untilEvent(cyAtB, "the removal", (event) => event.membership?.change === "removed");
      const adaAtB = await ada.at(b);
      await ada.client.sendMessage(group.id, "not for Cy");
      await untilEvent(adaAtB, "another at that pod", (event) => event.message?.text === "not for Cy");
      assert.ok(!cyAtB.events.some((event) => event.message?.text === "not for Cy"));
    });

    it("a session that ends at one pod closes its socket at the other", async () => {
      const dan = await podPerson(a, "Dan");
      const atB = await dan.at(b);
      const sessions = await dan.client.listSessions();
      for (const { id, current } of sessions) if (!current) await dan.client.revokeSession(id!);
      assert.equal((await atB.untilClosed()).reason, "session ended");
    });

    it("writers at several messengers leave no gap in a chat's seq", async () => {
      const c = await startParley(a.environment);
      const devices = await Promise.all([a, b, c].map((pod) => ada.at(pod)));
      const { id } = await ada.client.createChat({ kind: "group", title: "w", memberIds: [bob.id] });
      const sends = devices.flatMap((device, d) =>
        Array.from({ length: 60 }, (_, i) =>
          device.call("MessengerService/SendMessage", { chatId: id, clientId: `${d}.${i}`, text: "x" }),
        ),
      );
      await Promise.all(sends);
      const seqs = Array.from({ length: 180 }, (_, i) => i + 1);
      for (const device of devices) {
        await until("each pod's socket has all", () => device.seqs(id).length >= 180);
        assert.deepEqual(device.seqs(id), seqs);
      }
      await c.stop();
    });
  });
}
