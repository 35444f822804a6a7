/** Stamps of several pods on a real Redis, which is stopped, frozen, emptied and put back to an older state. */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createLog } from "#platform/log.ts";
import { openRedis, type Redis } from "#platform/redis.ts";
import { createRedisStamps, type RedisStamps } from "#platform/stamps/redis-stamps.ts";
import { tags } from "#platform/stamps/stamps.ts";
import { type CuttableRedis, cuttable } from "#test/cuttable-redis.ts";
import { type RedisServer, startRedis, withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";

const log = createLog("silent");
const tag = tags.chat("chat-1");
const leaseMs = 500;

interface Pod {
  redis: CuttableRedis;
  stamps: RedisStamps;
}

async function startPod(
  t: TestContext,
  server: RedisServer,
  { writes = true, settleMs = 0, forgetMs = 30_000, connect = (redis: Redis) => redis } = {},
): Promise<Pod> {
  const redis = cuttable(connect(openRedis({ url: server.url, log })));
  const stamps = createRedisStamps({ redis, log, writes, leaseMs, settleMs, forgetMs });
  t.after(async () => {
    // Ends in order, so that the next test's pods do not wait for it.
    redis.heal();
    await stamps.stop();
    await redis.stop();
  });
  stamps.start();
  return { redis, stamps };
}

const canRead = async ({ stamps }: Pod) => (await stamps.read([tag])) !== undefined;
const read = ({ stamps }: Pod) => stamps.read([tag]);

/** A connection on which the answer to the TIME that a sign of life begins with can be held back. */
function slowBeat() {
  let onHeld: ((release: () => void) => void) | undefined;
  let isBeatNext = false;
  return {
    /** Resolves once an answer is held back, to what lets it go. */
    hold: () =>
      new Promise<() => void>((resolve) => {
        onHeld = resolve;
      }),
    connect(redis: Redis): Redis {
      const command = redis.command.bind(redis);
      redis.command = async (key, args) => {
        const isBeat = isBeatNext && args[0] === "TIME";
        // A round ends with HGETALL, and the next one begins with a sign of life.
        isBeatNext = args[0] === "HGETALL";
        const answer = await command(key, args);
        if (!isBeat || !onHeld) return answer;
        const { promise, resolve } = Promise.withResolvers<void>();
        onHeld(resolve);
        onHeld = undefined;
        await promise;
        return answer;
      };
      return redis;
    },
  };
}

async function elapsedMs(work: Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await work;
  return performance.now() - startedAtMs;
}

describe("stamps in Redis", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const server = await startRedis();

  test("a change at one pod is seen by every later read at another", async (t) => {
    const [a, b] = [await startPod(t, server), await startPod(t, server, { writes: false })];
    await until("stamps can be read", () => canRead(b));
    for (let i = 0; i < 50; i++) {
      const before = await read(b);
      assert.deepEqual(await read(a), before);
      await a.stamps.change([tag, tags.user("user-1")]);
      assert.notEqual((await read(b))?.[0], before?.[0]);
    }
  });

  test("stamps of tags in different slots come in the order of the tags", async (t) => {
    const pod = await startPod(t, server);
    await until("stamps can be read", () => canRead(pod));
    const many = Array.from({ length: 40 }, (_, i) => tags.chat(`chat-${i}`));
    const before = (await pod.stamps.read(many))!;
    await pod.stamps.change([many[7]!, many[23]!]);
    const later = (await pod.stamps.read(many))!;
    const differing = many.filter((_, i) => later[i] !== before[i]);
    assert.deepEqual(differing, [many[7], many[23]]);
    assert.equal(later.length, many.length + 1);
    assert.equal(later.at(-1), before.at(-1));
  });

  test("after FLUSHALL every stamp is another one", async (t) => {
    const pod = await startPod(t, server);
    await until("stamps can be read", () => canRead(pod));
    const before = (await read(pod))!;
    await server.command("FLUSHALL");
    await until("stamps can be read", () => canRead(pod));
    const later = (await read(pod))!;
    for (const [i, stamp] of later.entries()) assert.notEqual(stamp, before[i]);
  });

  test("a pod that loses Redis alone is not acknowledged before the others have stopped trusting", async (t) => {
    const [writer, reader] = [await startPod(t, server), await startPod(t, server)];
    await until("stamps can be read", () => canRead(reader));
    writer.redis.cut();
    await writer.stamps.change([tag]);
    assert.equal(await read(reader), undefined, "the change is acknowledged, so nothing kept may be used");
    assert.ok((await elapsedMs(writer.stamps.change([tag]))) < 100, "only the first one waits");
    writer.redis.heal();
    await until("stamps can be read", () => canRead(reader));
  });

  test("a pod that loses Redis again while it still waits for the first time waits for its latest sign of life", async (t) => {
    const [writer, reader] = [await startPod(t, server), await startPod(t, server)];
    await until("stamps can be read", () => canRead(reader));
    writer.redis.cut();
    const first = writer.stamps.change([tag]);
    writer.redis.heal();
    await until("the pod is back", () => canRead(writer));
    await until("stamps can be read", () => canRead(reader));
    writer.redis.cut();
    await writer.stamps.change([tag]);
    assert.equal(await read(reader), undefined, "the second change is acknowledged");
    await first;
  });

  test("a pod that has lost Redis gives no sign of life that it had begun before", async (t) => {
    const slow = slowBeat();
    const [writer, reader] = [await startPod(t, server, slow), await startPod(t, server)];
    await until("stamps can be read", () => canRead(reader));
    const release = await slow.hold();
    writer.redis.cut();
    const changed = writer.stamps.change([tag]);
    writer.redis.heal();
    release();
    // A sign of life would be under way by then.
    await new Promise(setImmediate);
    writer.redis.cut();
    await changed;
    assert.equal(await read(reader), undefined, "the change is acknowledged, so nothing kept may be used");
  });

  test("a pod that is cut off while Redis is emptied is not forgotten by those who knew it", async (t) => {
    const forgetMs = 1_500;
    const [writer, reader] = [
      await startPod(t, server, { forgetMs }),
      await startPod(t, server, { forgetMs }),
    ];
    await until("stamps can be read", () => canRead(reader));
    await until("the writer has told of itself", () => canRead(writer));
    // And the reader has looked around since.
    await delay(2 * leaseMs);
    writer.redis.cut();
    await server.command("FLUSHALL");
    await writer.stamps.change([tag]);
    assert.equal(await read(reader), undefined, "the change is acknowledged, so nothing kept may be used");
    const waitedMs = await elapsedMs(until("stamps can be read", () => canRead(reader)));
    assert.ok(waitedMs > 500, `trusted again after ${waitedMs} ms`);
  });

  test("what changed while a pod was cut off is out of date when it is back", async (t) => {
    const [writer, reader] = [await startPod(t, server), await startPod(t, server)];
    await until("stamps can be read", () => canRead(reader));
    const before = (await read(reader))!;
    writer.redis.cut();
    await writer.stamps.change([tag]);
    writer.redis.heal();
    await until("stamps can be read", () => canRead(reader));
    assert.notEqual((await read(reader))!.at(-1), before.at(-1));
  });

  test("after a pod that ended without a word, stamps are trusted again when it is forgotten", async (t) => {
    const [dead, reader] = [
      await startPod(t, server, { forgetMs: 1_500 }),
      await startPod(t, server, { forgetMs: 1_500 }),
    ];
    await until("stamps can be read", () => canRead(reader));
    dead.redis.cut();
    await until("stamps cannot be read", async () => !(await canRead(reader)));
    const waitedMs = await elapsedMs(until("stamps can be read", () => canRead(reader)));
    assert.ok(waitedMs > 500, `trusted again after ${waitedMs} ms`);
  });

  test("a pod that ends in order is not waited for", async (t) => {
    const [ending, reader] = [await startPod(t, server), await startPod(t, server)];
    await until("stamps can be read", () => canRead(reader));
    await ending.stamps.stop();
    await until("stamps can be read", () => canRead(reader), 3_000);
  });
});

describe("stamps when Redis itself fails", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const server = await startRedis();

  test("killed: nothing is trusted, changes wait once at the most, and all stamps are new afterwards", async (t) => {
    const [a, b] = [await startPod(t, server), await startPod(t, server)];
    await until("stamps can be read", () => canRead(b));
    const before = (await read(b))!;
    await server.kill();
    assert.ok((await elapsedMs(a.stamps.change([tag]))) < 2 * leaseMs + 300);
    assert.equal(await read(b), undefined);
    assert.ok((await elapsedMs(a.stamps.change([tag]))) < 100);
    assert.ok((await elapsedMs(read(b))) < 100);
    await server.start();
    await until("stamps can be read", () => canRead(b));
    assert.ok((await read(b))!.every((stamp) => !before.includes(stamp)));
  });

  test("frozen: a read and a change wait once at the most, and later ones not at all", async (t) => {
    const [a, b] = [await startPod(t, server), await startPod(t, server)];
    await until("stamps can be read", () => canRead(b));
    process.kill(server.pid, "SIGSTOP");
    try {
      assert.ok((await elapsedMs(a.stamps.change([tag]))) < 500 + leaseMs + 300);
      await until("stamps cannot be read", async () => (await read(b)) === undefined);
      for (let i = 0; i < 20; i++) {
        const waitedMs = await elapsedMs(Promise.all([a.stamps.change([tag]), read(b)]));
        assert.ok(waitedMs < 200, `waited ${waitedMs} ms`);
        // Long enough for attempts to reach Redis again to fall into it.
        await delay(100);
      }
    } finally {
      process.kill(server.pid, "SIGCONT");
    }
    await until("stamps can be read", () => canRead(b));
  });
});

describe("stamps when Redis comes back with an older state", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const folder = mkdtempSync(join(tmpdir(), "parley-redis-"));
  const server = await startRedis(["--dir", folder, "--dbfilename", "snapshot.rdb"]);

  test("stamps of then do not make answers of then right again", async (t) => {
    const [a, b] = [await startPod(t, server), await startPod(t, server)];
    await until("stamps can be read", () => canRead(b));
    const kept = (await read(b))!;
    assert.equal(await server.command("SAVE"), "+OK");
    await a.stamps.change([tag]);
    await server.kill();
    await server.start();
    const restored = await server.command("EXISTS parley:stamp:{writers}");
    assert.equal(restored, ":1", "the snapshot was loaded");
    await until("stamps can be read", () => canRead(b));
    const now = (await read(b))!;
    assert.notDeepEqual(now, kept);
    assert.notEqual(now.at(-1), kept.at(-1));
  });
});
