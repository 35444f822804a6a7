import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import { BusMessageSchema } from "@parley/api/internal/bus";
import { pino } from "pino";
import { createLog } from "#platform/log.ts";
import { openRedis, type Redis, RedisAwayError } from "#platform/redis.ts";
import { createRedisBus } from "#platform/redis-bus.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { startRedisCluster, untilUp } from "#test/redis-cluster.ts";
import { startRedis, withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";

const { meter } = noTelemetry;

async function openPod(url: string) {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  // No burst of a test is too much for a Redis on a busy machine.
  const redis = openRedis({ url, log: createLog("silent"), commandTimeoutMs: 20_000 });
  await redis.untilReady();
  const bus = createRedisBus({ redis, log, meter });
  after(async () => {
    bus.stop();
    await redis.stop();
  });
  return { redis, bus, lines };
}

const numbered = (n: number) => create(BusMessageSchema, { endedSessionIds: [String(n)] });

async function listen({ bus }: Awaited<ReturnType<typeof openPod>>, topic: string) {
  const heard: number[] = [];
  const stop = await bus.subscribe(topic, (message) => heard.push(Number(message.endedSessionIds[0])));
  return { heard, stop };
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

for (const shape of ["one server", "cluster"] as const) {
  describe(`the bus over Redis as ${shape}`, { skip: withoutRedis }, async () => {
    if (withoutRedis) return;
    const servers = shape === "cluster" ? (await startRedisCluster()).nodes : [await startRedis()];
    const { url } = servers[0]!;
    const restart = async () => {
      for (const server of servers) await server.start();
      if (shape === "cluster") await untilUp(servers);
    };

    it("brings each message once to every pod, in the publisher's order, and to its own pod at once", async () => {
      const [one, two, three] = [await openPod(url), await openPod(url), await openPod(url)];
      const topics = upTo(20).map(() => `chat:${randomUUID()}`);
      const heards = await Promise.all(
        topics.flatMap((topic) => [one, two, three].map((pod) => listen(pod, topic))),
      );
      for (const n of upTo(200)) for (const topic of topics) one.bus.publish(topic, numbered(n));
      for (const [index, { heard }] of heards.entries()) if (index % 3 === 0) assert.equal(heard.length, 200);
      await until("the others have all", () => heards.every(({ heard }) => heard.length >= 200));
      one.bus.publish(topics[0]!, numbered(200));
      await until("nothing comes after it", () =>
        heards.slice(0, 3).every(({ heard }) => heard.length === 201),
      );
      for (const { heard } of heards.slice(3)) assert.deepEqual(heard, upTo(200));
    });

    it("several handlers of a topic each hear it once; who stopped hears nothing more", async () => {
      const [one, two] = [await openPod(url), await openPod(url)];
      const [a, b] = [await listen(two, "t"), await listen(two, "t")];
      one.bus.publish("t", numbered(0));
      await until("both hear", () => a.heard.length === 1 && b.heard.length === 1);
      a.stop();
      a.stop();
      one.bus.publish("t", numbered(1));
      await until("the other one still hears", () => b.heard.length === 2);
      b.stop();
      const again = await listen(two, "t");
      one.bus.publish("t", numbered(2));
      await until("it hears when it listens anew", () => again.heard.length === 1);
      assert.deepEqual([a.heard, b.heard, again.heard], [[0], [0, 1], [2]]);
    });

    it("drops what is no message of the bus, says so, and goes on", async () => {
      const [one, two] = [await openPod(url), await openPod(url)];
      const { heard } = await listen(two, "t");
      const forged = [
        ...Array.from({ length: 20 }, () => Buffer.alloc(0)),
        Buffer.from("short"),
        Buffer.concat([Buffer.alloc(16), Buffer.from([255, 255])]),
      ];
      const startedAtMs = performance.now();
      for (const payload of forged) await one.redis.publish("parley:bus:{t}", payload);
      one.bus.publish("t", numbered(1));
      await until("the next one arrives", () => heard.length === 1);
      const said = two.lines.filter((line) => line.includes("that is none")).length;
      const passedSeconds = (performance.now() - startedAtMs) / 1_000;
      assert.ok(said >= 1 && said <= 1 + passedSeconds, `said ${said} times`);
    });

    it("while Redis is away nothing throws or waits; after it a gap is told and messages arrive again", async () => {
      const [one, two] = [await openPod(url), await openPod(url)];
      const before = await listen(two, "t1");
      let gaps = 0;
      const stopGap = two.bus.onGap(() => void gaps++);
      for (const server of servers) await server.kill();
      await until("it is away", () => !one.redis.isReady && !two.redis.isReady);
      const own = await listen(one, "t1");
      one.bus.publish("t1", numbered(0));
      assert.deepEqual(own.heard, [0], "its own pod hears it all the same");
      const meanwhile = await listen(two, "t2");
      await restart();
      await until("a gap is told", () => gaps > 0 && one.redis.isReady);
      one.bus.publish("t1", numbered(1));
      one.bus.publish("t2", numbered(2));
      await until("both hear", () => before.heard.length === 1 && meanwhile.heard.length === 1);
      assert.deepEqual([before.heard, meanwhile.heard], [[1], [2]]);
      stopGap();
    });
  });
}

describe("a pod that alone cannot publish", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const { url } = await startRedis();

  it("tells the others of the gap when it can", async () => {
    const receiver = await openPod(url);
    let gaps = 0;
    receiver.bus.onGap(() => void gaps++);
    const { redis } = await openPod(url);
    let isCut = true;
    const flaky: Redis = Object.create(redis, {
      isReady: { get: () => redis.isReady },
      onReady: { value: redis.onReady.bind(redis) },
      subscribe: { value: redis.subscribe.bind(redis) },
      publish: {
        value: (channel: string, payload: Buffer) =>
          isCut ? Promise.reject(new RedisAwayError("cut")) : redis.publish(channel, payload),
      },
    });
    const bus = createRedisBus({ redis: flaky, log: createLog("silent"), meter });
    after(() => bus.stop());
    let ownGaps = 0;
    bus.onGap(() => void ownGaps++);
    bus.publish("t", numbered(0));
    await new Promise(setImmediate);
    isCut = false;
    await until("the receiver is told", () => gaps === 1);
    assert.equal(ownGaps, 0, "it has missed nothing itself");
  });
});
