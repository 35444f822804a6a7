import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, it } from "node:test";
import { createSharedPresence } from "#gateway/realtime/presence/shared-presence.ts";
import { createLog } from "#platform/log.ts";
import { openRedis } from "#platform/redis.ts";
import { createRedisBus } from "#platform/redis-bus.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { startRedis, withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";

const graceMs = 10_000;
const hourMs = 3_600_000;
/** Long, for a machine that is busy must not be taken for a gateway that died. */
const longLeaseMs = 30_000;

describe("presence over several gateways", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const server = await startRedis();
  const log = createLog("silent");

  async function openPod(clockOffMs = 0, leaseMs = longLeaseMs) {
    const redis = openRedis({ url: server.url, log, commandTimeoutMs: 5_000 });
    await redis.untilReady();
    const bus = createRedisBus({ redis, log, meter: noTelemetry.meter });
    const clock = { nowMs: Date.now() + clockOffMs, now: () => clock.nowMs };
    const presence = createSharedPresence({ redis, bus, clock, graceMs, leaseMs });
    const pod = {
      redis,
      presence,
      isAlive: true,
      async die() {
        pod.isAlive = false;
        presence.stop();
        bus.stop();
        await redis.stop();
      },
      pass(ms: number) {
        clock.nowMs += ms;
      },
      watcher() {
        const told: string[] = [];
        const push = (frame: Buffer) => {
          const text = frame.toString();
          const { events } = JSON.parse(text.slice(text.indexOf("{")));
          for (const { presence: change } of events) told.push(change.online ? "online" : "offline");
        };
        return { told, push };
      },
    };
    after(() => pod.die());
    return pod;
  }
  type Pod = Awaited<ReturnType<typeof openPod>>;

  /** Time passes for all pods that live, as fast as Redis keeps up: in truth it is far quicker than a tick. */
  const untilOver = (pods: Pod[], what: string, isSo: () => boolean | Promise<boolean>) =>
    until(what, async () => {
      for (const pod of pods) if (pod.isAlive) pod.presence.tick();
      await Promise.all(pods.map((pod) => pod.redis.command("k", ["PING"]).catch(() => {})));
      return isSo();
    });

  /** Long enough for what is lost to be found, and for what is wrong to be told. */
  async function settle(pods: Pod[]) {
    let ticks = 0;
    await untilOver(pods, "settled", () => ++ticks > 60);
  }

  it("answers with the truth over all gateways, and tells of what happens on others", async () => {
    const [one, two, three] = [await openPod(), await openPod(hourMs), await openPod(-hourMs)];
    const [ann, ben] = [randomUUID(), randomUUID()];
    two.presence.enter(ann);
    const watcher = one.watcher();
    await until("the answer is right", async () => (await one.presence.watch(watcher, [ann, ben])).has(ann));
    assert.deepEqual([...(await one.presence.watch(watcher, [ann, ben]))], [ann]);
    const ofBen = three.watcher();
    assert.deepEqual([...(await three.presence.watch(ofBen, [ben]))], []);
    two.presence.enter(ben);
    await until("all are told", () => ofBen.told.length === 1);
    two.presence.leave(ben);
    two.pass(graceMs - 1);
    await settle([one, two, three]);
    assert.deepEqual(ofBen.told, ["online"], "within the grace");
    two.pass(1);
    await untilOver([one, two, three], "told after the grace", () => ofBen.told.length === 2);
    assert.deepEqual(ofBen.told, ["online", "offline"]);
    assert.deepEqual([...(await three.presence.watch(ofBen, [ann, ben]))], [ann]);
  });

  it("says nothing of a user who goes on to another gateway", async () => {
    const [one, two, three] = [await openPod(), await openPod(), await openPod()];
    const ann = randomUUID();
    const watcher = one.watcher();
    one.presence.enter(ann);
    assert.deepEqual([...(await one.presence.watch(watcher, [ann]))], [ann]);
    for (const [from, to] of [
      [one, two],
      [two, three],
      [three, one],
    ] as const) {
      from.presence.leave(ann);
      to.presence.enter(ann);
      await settle([one, two, three]);
      from.pass(graceMs);
      await settle([one, two, three]);
    }
    assert.deepEqual(watcher.told, []);
  });

  it("finds out by itself that a gateway has died, and forgets its entries", async () => {
    const [one, two] = [await openPod(0, 3_000), await openPod(0, 3_000)];
    const [ann, ben] = [randomUUID(), randomUUID()];
    two.presence.enter(ann);
    two.presence.enter(ben);
    one.presence.enter(ben);
    const watcher = one.watcher();
    await until("both are online", async () => (await one.presence.watch(watcher, [ann, ben])).size === 2);
    watcher.told.length = 0;
    await two.die();
    await untilOver([one], "told", () => watcher.told.length > 0);
    assert.deepEqual(watcher.told, ["offline"]);
    const later = await openPod();
    const ofBoth = later.watcher();
    // One's own lease is as short, so it goes on saying that it lives.
    await untilOver([one], "ben alone is online", async () => {
      const online = await later.presence.watch(ofBoth, [ann, ben]);
      return online.has(ben) && !online.has(ann);
    });
    await until(
      "it is forgotten",
      async () => (await server.command(`SCARD parley:presence:{${ann}}`)) === ":0",
    );
  });

  it("FLUSHALL makes nobody seem offline, and is made good", async () => {
    const [one, two] = [await openPod(), await openPod()];
    const userIds = Array.from({ length: 200 }, () => randomUUID());
    for (const userId of userIds) two.presence.enter(userId);
    const watcher = one.watcher();
    await until("all are online", async () => (await one.presence.watch(watcher, userIds)).size === 200);
    watcher.told.length = 0;
    for (let n = 0; n < 3; n++) {
      await server.command("FLUSHALL");
      await settle([one, two]);
    }
    assert.deepEqual(watcher.told, []);
    const later = await openPod();
    assert.equal((await later.presence.watch(later.watcher(), userIds)).size, 200);
  });

  it("without Redis keeps what was known, and then finds out what has changed meanwhile", async () => {
    const [one, two] = [await openPod(), await openPod()];
    const [stays, goes, comes, local] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    two.presence.enter(stays);
    two.presence.enter(goes);
    const all = [stays, goes, comes, local];
    const watcher = one.watcher();
    await until("two are online", async () => (await one.presence.watch(watcher, all)).size === 2);
    watcher.told.length = 0;
    await server.kill();
    await until("Redis is away", () => !one.redis.isReady && !two.redis.isReady);
    two.presence.leave(goes);
    two.pass(graceMs);
    two.presence.enter(comes);
    one.presence.enter(local);
    await settle([one, two]);
    assert.deepEqual(watcher.told, ["online"], "what happens here is told");
    assert.deepEqual(await one.presence.watch(watcher, all), new Set([stays, goes, local]));
    await server.start();
    await until("Redis is back", () => one.redis.isReady && two.redis.isReady);
    await untilOver([one, two], "both are told", () => watcher.told.length === 3);
    await settle([one, two]);
    assert.deepEqual(watcher.told.slice(1).sort(), ["offline", "online"]);
    assert.deepEqual(await one.presence.watch(watcher, all), new Set([stays, comes, local]));
  });

  it("finds what the bus has lost when it is told of a gap", async () => {
    const [one, two] = [await openPod(), await openPod()];
    const [ann, ben] = [randomUUID(), randomUUID()];
    two.presence.enter(ann);
    const watcher = one.watcher();
    await until("online", async () => (await one.presence.watch(watcher, [ann, ben])).size === 1);
    watcher.told.length = 0;
    const [, , podId] = await server.lines(`SMEMBERS parley:presence:{${ann}}`);
    await server.command(`SADD parley:presence:{${ben}} ${podId}`);
    await settle([one, two]);
    assert.deepEqual(watcher.told, [], "no word has come");
    await server.command("CLIENT KILL TYPE pubsub");
    await untilOver([one, two], "told", () => watcher.told.length === 1);
    // And the other way round: nobody keeps the entry of one who has gone.
    await until("all are there", () => one.redis.isReady && two.redis.isReady);
    await server.command(`DEL parley:presence:{${ben}}`);
    await server.command("CLIENT KILL TYPE pubsub");
    await untilOver([one, two], "told", () => watcher.told.length === 2);
    assert.deepEqual(watcher.told, ["online", "offline"]);
  });
});
