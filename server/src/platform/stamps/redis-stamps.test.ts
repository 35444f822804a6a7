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
/** Longer than a machine stands still; after that a pod is forgotten that has not told of itself. */
const shortForgetMs = 4_000;

interface Pod {
  redis: CuttableRedis;
  stamps: RedisStamps;
}

async function startPod(
  t: TestContext,
  server: RedisServer,
  {
    writes = true,
    settleMs = 0,
    forgetMs = 30_000,
    commandTimeoutMs = 20_000,
    connect = (redis: Redis) => redis,
  } = {},
): Promise<Pod> {
  const redis = cuttable(connect(openRedis({ url: server.url, log, commandTimeoutMs })));
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

/** What is read as soon as stamps are trusted: after a pause of this process they are not for a moment. */
async function trusted({ stamps }: Pod, some: readonly string[] = [tag]): Promise<readonly string[]> {
  let found: readonly string[] | undefined;
  await until("stamps can be read", async () => {
    found = await stamps.read(some);
    return found !== undefined;
  });
  return found!;
}

/** A connection that tells how often a command was answered. */
function counting() {
  const counts = new Map<string, number>();
  return {
    answered: (name: string) => counts.get(name) ?? 0,
    connect(redis: Redis): Redis {
      const command = redis.command.bind(redis);
      redis.command = async (key, args) => {
        const answer = await command(key, args);
        const name = String(args[0]);
        counts.set(name, (counts.get(name) ?? 0) + 1);
        return answer;
      };
      return redis;
    },
  };
}

type Counted = ReturnType<typeof counting>;

/** The writer gives a sign of life, and the reader has heard of it. Answers a time before that sign. */
async function untilHeard(writer: Counted, reader: Counted): Promise<number> {
  const beforeMs = performance.now();
  const signs = writer.answered("HSET");
  // The first may have been under way.
  await until("the writer gives a sign of life", () => writer.answered("HSET") > signs + 1);
  const looks = reader.answered("HGETALL");
  await until("the reader looks around", () => reader.answered("HGETALL") > looks + 1);
  return beforeMs;
}

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

/** How long it takes, without the time in which this process stood still. */
async function elapsedMs(work: Promise<unknown>): Promise<number> {
  const tickMs = 10;
  let elapsedMs = 0;
  let lastMs = performance.now();
  const timer = setInterval(() => {
    elapsedMs += Math.min(performance.now() - lastMs, 2 * tickMs);
    lastMs = performance.now();
  }, tickMs);
  await work.finally(() => clearInterval(timer));
  return elapsedMs;
}

/** Without waiting for anything that comes from outside, or for a time. */
async function isAtOnce(work: Promise<unknown>): Promise<boolean> {
  const nextTurn = new Promise<boolean>((resolve) => setImmediate(resolve, false));
  return Promise.race([work.then(() => true), nextTurn]);
}

describe("stamps in Redis", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const server = await startRedis();

  test("a change at one pod is seen by every later read at another", async (t) => {
    const [a, b] = [await startPod(t, server), await startPod(t, server, { writes: false })];
    await until("stamps can be read", () => canRead(b));
    for (let i = 0; i < 50; i++) {
      const before = await trusted(b);
      assert.deepEqual(await trusted(a), before);
      await a.stamps.change([tag, tags.user("user-1")]);
      assert.notEqual((await trusted(b))[0], before[0]);
    }
  });

  test("stamps of tags in different slots come in the order of the tags", async (t) => {
    const pod = await startPod(t, server);
    const many = Array.from({ length: 40 }, (_, i) => tags.chat(`chat-${i}`));
    const before = await trusted(pod, many);
    await pod.stamps.change([many[7]!, many[23]!]);
    const later = await trusted(pod, many);
    const differing = many.filter((_, i) => later[i] !== before[i]);
    assert.deepEqual(differing, [many[7], many[23]]);
    assert.equal(later.length, many.length + 1);
    assert.equal(later.at(-1), before.at(-1));
  });

  test("after FLUSHALL every stamp is another one", async (t) => {
    const pod = await startPod(t, server);
    const before = await trusted(pod);
    await server.command("FLUSHALL");
    const later = await trusted(pod);
    for (const [i, stamp] of later.entries()) assert.notEqual(stamp, before[i]);
  });

  test("a pod that loses Redis alone is not acknowledged before the others have stopped trusting", async (t) => {
    const [writer, reader] = [await startPod(t, server), await startPod(t, server)];
    await until("stamps can be read", () => canRead(reader));
    writer.redis.cut();
    await writer.stamps.change([tag]);
    assert.equal(await read(reader), undefined, "the change is acknowledged, so nothing kept may be used");
    assert.ok(await isAtOnce(writer.stamps.change([tag])), "only the first one waits");
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
    const [signs, looks] = [counting(), counting()];
    const [writer, reader] = [
      await startPod(t, server, { forgetMs: shortForgetMs, ...signs }),
      await startPod(t, server, { forgetMs: shortForgetMs, ...looks }),
    ];
    await until("stamps can be read", () => canRead(reader));
    const beforeMs = await untilHeard(signs, looks);
    writer.redis.cut();
    await server.command("FLUSHALL");
    await writer.stamps.change([tag]);
    assert.equal(await read(reader), undefined, "the change is acknowledged, so nothing kept may be used");
    await trusted(reader);
    const waitedMs = performance.now() - beforeMs;
    assert.ok(waitedMs > shortForgetMs - 50, `trusted again after ${waitedMs} ms`);
  });

  test("what changed while a pod was cut off is out of date when it is back", async (t) => {
    const [writer, reader] = [await startPod(t, server), await startPod(t, server)];
    const before = await trusted(reader);
    writer.redis.cut();
    await writer.stamps.change([tag]);
    writer.redis.heal();
    assert.notEqual((await trusted(reader)).at(-1), before.at(-1));
  });

  test("after a pod that ended without a word, stamps are trusted again when it is forgotten", async (t) => {
    const [signs, looks] = [counting(), counting()];
    const [dead, reader] = [
      await startPod(t, server, { forgetMs: shortForgetMs, ...signs }),
      await startPod(t, server, { forgetMs: shortForgetMs, ...looks }),
    ];
    await until("stamps can be read", () => canRead(reader));
    const beforeMs = await untilHeard(signs, looks);
    dead.redis.cut();
    await until("stamps cannot be read", async () => !(await canRead(reader)));
    await trusted(reader);
    const waitedMs = performance.now() - beforeMs;
    assert.ok(waitedMs > shortForgetMs - 50, `trusted again after ${waitedMs} ms`);
  });

  test("a pod that ends in order is not waited for", async (t) => {
    const [ending, reader] = [await startPod(t, server), await startPod(t, server)];
    await until("stamps can be read", () => canRead(reader));
    await ending.stamps.stop();
    const endedAtMs = performance.now();
    await until("its signs of life count no more", () => performance.now() - endedAtMs > leaseMs);
    await trusted(reader);
  });
});

/** For Redis itself: what it does not answer by then, it will not. */
const hasty = { commandTimeoutMs: 500 };

describe("stamps when Redis itself fails", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const server = await startRedis();

  test("killed: nothing is trusted, changes wait once at the most, and all stamps are new afterwards", async (t) => {
    const [a, b] = [await startPod(t, server, hasty), await startPod(t, server, hasty)];
    const before = await trusted(b);
    await server.kill();
    try {
      assert.ok((await elapsedMs(a.stamps.change([tag]))) < 2 * leaseMs + 300);
      assert.equal(await read(b), undefined);
      assert.ok(await isAtOnce(a.stamps.change([tag])));
      assert.ok(await isAtOnce(read(b)));
    } finally {
      await server.start();
    }
    assert.ok((await trusted(b)).every((stamp) => !before.includes(stamp)));
  });

  test("frozen: a read and a change wait once at the most, and later ones not at all", async (t) => {
    const [a, b] = [await startPod(t, server, hasty), await startPod(t, server, hasty)];
    await until("stamps can be read", () => canRead(b));
    process.kill(server.pid, "SIGSTOP");
    try {
      assert.ok((await elapsedMs(a.stamps.change([tag]))) < 500 + leaseMs + 300);
      await until("stamps cannot be read", async () => (await read(b)) === undefined);
      for (let i = 0; i < 20; i++) {
        assert.ok(await isAtOnce(Promise.all([a.stamps.change([tag]), read(b)])));
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
    const kept = await trusted(b);
    assert.equal(await server.command("SAVE"), "+OK");
    await a.stamps.change([tag]);
    await server.kill();
    await server.start();
    const restored = await server.command("EXISTS parley:stamp:{writers}");
    assert.equal(restored, ":1", "the snapshot was loaded");
    const now = await trusted(b);
    assert.notDeepEqual(now, kept);
    assert.notEqual(now.at(-1), kept.at(-1));
  });
});
