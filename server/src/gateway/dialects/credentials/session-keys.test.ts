import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ResolveSessionKeyRequest } from "@parley/api/internal/identity";
import { createSessionKeys } from "#gateway/dialects/credentials/session-keys.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import type { Redis, RedisArgument } from "#platform/redis.ts";

const key = "0123456789abcdef0123456789abcdef";
const hourMs = 3_600_000;
const minuteMs = 60_000;

function createParts({ redis }: { redis?: Redis } = {}) {
  const parts = {
    nowMs: Date.UTC(2026, 0, 1),
    asked: 0,
    /** What identity does before it answers. */
    before: async () => {},
    isOver: false,
    ended: new Set<string>(),
  };
  const endsAtMs = parts.nowMs + hourMs;
  const identity = {
    async resolveSessionKey(_request: Partial<ResolveSessionKeyRequest>) {
      parts.asked += 1;
      const { isOver } = parts;
      await parts.before();
      if (isOver) throw fault("unauthenticated");
      return { userId: "anna", sessionId: "session", roles: ["user"], expiresAt: timestampFromMs(endsAtMs) };
    },
  };
  const keys = createSessionKeys({
    identity: identity as never,
    endedSessions: { has: (id) => parts.ended.has(id) },
    redis,
    clock: { now: () => parts.nowMs },
    timeoutMs: 1_000,
  });
  return Object.assign(parts, { keys, endsAtMs });
}

/** Enough of Redis for it; nothing expires by itself. */
function createFakeRedis() {
  const entries = new Map<string, { value: RedisArgument; lifeMs: number }>();
  const fake = {
    entries,
    isReady: true,
    async command(at: string, [name, , value, , lifeMs]: RedisArgument[]) {
      if (!fake.isReady) throw new Error("away");
      if (name === "SET") entries.set(at, { value: value!, lifeMs: Number(lifeMs) });
      if (name === "DEL") entries.delete(at);
      return name === "GET" ? (entries.get(at)?.value ?? null) : 1;
    },
  };
  return fake as typeof fake & Redis;
}

const isRefused = (error: unknown) => toPublicError(error).code === "unauthenticated";

describe("session keys", () => {
  for (const [name, redisOf] of [
    ["in memory", () => undefined],
    ["in Redis", createFakeRedis],
  ] as const) {
    describe(name, () => {
      const start = () => {
        const redis = redisOf();
        return createParts(redis ? { redis } : {});
      };

      it("asks identity once, also for many requests at once", async () => {
        const parts = start();
        const callers = await Promise.all(Array.from({ length: 20 }, () => parts.keys.resolve(key)));
        assert.deepEqual(callers[19], {
          userId: "anna",
          sessionId: "session",
          roles: ["user"],
          tokenExpiresAt: parts.endsAtMs,
        });
        await parts.keys.resolve(key);
        assert.equal(parts.asked, 1);
      });

      it("refuses a session that has ended, though it is kept", async () => {
        const parts = start();
        await parts.keys.resolve(key);
        parts.ended.add("session");
        await assert.rejects(parts.keys.resolve(key), isRefused);
        assert.equal(parts.asked, 1);
      });

      it("refuses a session whose time is over, though it is kept", async () => {
        const parts = start();
        parts.nowMs = parts.endsAtMs - 1;
        await parts.keys.resolve(key);
        parts.nowMs = parts.endsAtMs;
        await assert.rejects(parts.keys.resolve(key), isRefused);
      });

      it("asks anew once it is forgotten", async () => {
        const parts = start();
        await parts.keys.resolve(key);
        await parts.keys.forget(key);
        parts.isOver = true;
        await assert.rejects(parts.keys.resolve(key), isRefused);
        assert.equal(parts.asked, 2);
      });

      it("does not keep what was asked for before it was forgotten", async () => {
        const parts = start();
        const { promise, resolve } = Promise.withResolvers<void>();
        parts.before = () => promise;
        const former = parts.keys.resolve(key);
        await new Promise(setImmediate);
        await parts.keys.forget(key);
        parts.isOver = true;
        parts.before = async () => {};
        await assert.rejects(parts.keys.resolve(key), isRefused);
        resolve();
        await former;
        await assert.rejects(parts.keys.resolve(key), isRefused);
      });

      it("keeps nothing of keys that are nobody's", async () => {
        const parts = start();
        parts.isOver = true;
        await assert.rejects(parts.keys.resolve(key), isRefused);
        parts.isOver = false;
        assert.equal((await parts.keys.resolve(key)).userId, "anna");
      });

      it("does not ask for what cannot be a key", async () => {
        const parts = start();
        for (const text of ["", "anna", key.slice(1), `${key}0`, key.toUpperCase(), `${key}\n`])
          await assert.rejects(parts.keys.resolve(text), isRefused);
        assert.equal(parts.asked, 0);
      });
    });
  }

  it("asks identity again before it can have forgotten that a session ended", async () => {
    const parts = createParts();
    await parts.keys.resolve(key);
    parts.nowMs += 5 * minuteMs - 1;
    await parts.keys.resolve(key);
    assert.equal(parts.asked, 1);
    parts.nowMs += 1;
    await parts.keys.resolve(key);
    assert.equal(parts.asked, 2);
  });

  it("counts that time from when it asked, not from the answer", async () => {
    const parts = createParts();
    parts.before = async () => {
      parts.nowMs += minuteMs;
    };
    await parts.keys.resolve(key);
    parts.nowMs += 4 * minuteMs;
    await parts.keys.resolve(key);
    assert.equal(parts.asked, 2);
  });

  it("leaves nothing in Redis beyond the session's end, and never the key itself", async () => {
    const redis = createFakeRedis();
    const parts = createParts({ redis });
    parts.nowMs = parts.endsAtMs - 2_000;
    await parts.keys.resolve(key);
    const [[at, { value, lifeMs }] = assert.fail("nothing is kept")] = redis.entries;
    assert.equal(lifeMs, 2_000);
    assert.ok(!at.includes(key) && !String(value).includes(key));
  });

  it("asks identity when Redis is away, or holds something else", async () => {
    const redis = createFakeRedis();
    const parts = createParts({ redis });
    await parts.keys.resolve(key);
    for (const entry of redis.entries.values()) entry.value = "{";
    await parts.keys.resolve(key);
    assert.equal(parts.asked, 2);
    redis.isReady = false;
    await parts.keys.resolve(key);
    await parts.keys.forget(key);
    assert.equal(parts.asked, 3);
  });
});
