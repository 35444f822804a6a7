/** Kept answers of two pods on one database and one Redis, which is emptied, frozen and killed meanwhile. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createTestDatabase } from "#test/database.ts";
import { startParley } from "#test/parley.ts";
import { newPerson, type Person, signedIn, signIn } from "#test/people.ts";
import { startRedis, withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";

describe("kept answers of two pods", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const redis = await startRedis();
  const { url: DATABASE_URL } = await createTestDatabase();
  const PARLEY_SECRET_KEY = Buffer.alloc(32, 7).toString("base64");
  const environment = { DATABASE_URL, PARLEY_SECRET_KEY, REDIS_URL: redis.url };
  // They are asked again and again until an answer is kept, faster than any person would.
  const unlimited = { ...environment, PARLEY_THROTTLING: "off" };
  const pods = [await startParley(unlimited), await startParley(unlimited)] as const;
  const alice = await newPerson(pods[0].url, "Alice");
  const bob = await newPerson(pods[0].url, "Bob");
  const atB = await signedIn(pods[1].url, alice.email);
  const tokens = new Map([
    [alice, (await signIn(pods[0].url, alice.email)).token],
    [bob, (await signIn(pods[0].url, bob.email)).token],
  ]);
  const { id: chatId = "" } = await alice.client.createChat({
    kind: "group",
    title: "Pods",
    memberIds: [bob.id],
  });
  const path = `/v2/chats/${chatId}/messages?limit=200`;

  async function get(who: Person, pod: 0 | 1, asked = path) {
    const headers = { authorization: `Bearer ${tokens.get(who)}` };
    const response = await fetch(`${pods[pod].url}${asked}`, { headers });
    const how = response.headers.get("cache-status") ?? "";
    const body = (await response.json()) as { code?: string; messages?: { text: string }[] };
    return { status: response.status, how, body, last: body.messages?.at(-1)?.text };
  }

  const isHit = async (who: Person, pod: 0 | 1) => (await get(who, pod)).how.includes("hit");

  /** What either pod acknowledges is read at once at the other, and at itself. */
  async function sendAndRead(rounds: number, name: string) {
    for (let i = 0; i < rounds; i++) {
      const text = `${name} ${i}`;
      await (i % 2 === 0 ? alice.client : atB).sendMessage(chatId, text);
      const reads = await Promise.all([get(alice, 0), get(alice, 1), get(bob, 0), get(bob, 1)]);
      for (const { last } of reads) assert.equal(last, text);
    }
  }

  test("a message is read at once through both pods, which keep answers meanwhile", async () => {
    await until("the answer is kept", async () => (await isHit(alice, 0)) && (await isHit(alice, 1)));
    await sendAndRead(30, "message");
    await until("it is kept again", async () => (await isHit(alice, 0)) && (await isHit(alice, 1)));
  });

  test("what one pod has asked for, the other need not ask for", async () => {
    const other = `${path}&&`;
    await get(alice, 0, other);
    await until("the answer is kept", async () => (await get(alice, 1, other)).how.includes("hit"));
  });

  test("a member who was removed at one pod gets nothing at the other", async () => {
    await until("the answer is kept", () => isHit(bob, 1));
    await alice.client.removeMember(chatId, bob.id);
    assert.equal((await get(bob, 1)).body.code, "chat-not-found");
    assert.equal((await get(bob, 0)).body.code, "chat-not-found");
    await alice.client.addMembers(chatId, [bob.id]);
  });

  test("FLUSHALL in the middle of it makes no difference to what is read", async () => {
    let isDone = false;
    const flushing = (async () => {
      while (!isDone) await redis.command("FLUSHALL");
    })();
    await sendAndRead(20, "flushed").finally(() => {
      isDone = true;
    });
    await flushing;
  });

  test("with Redis frozen, sends go on and reads are right", async () => {
    await until("the answer is kept", () => isHit(alice, 1));
    process.kill(redis.pid, "SIGSTOP");
    try {
      // The first change at each pod waits.
      await sendAndRead(2, "frozen");
      const tookMs: number[] = [];
      for (let i = 0; i < 15; i++) {
        const startedAtMs = performance.now();
        await sendAndRead(1, `still frozen ${i}`);
        tookMs.push(performance.now() - startedAtMs);
        await delay(50);
      }
      // If each waited for Redis, so would the faster ones, however busy the machine is.
      const quartileMs = tookMs.sort((a, b) => a - b)[3]!;
      assert.ok(quartileMs < 400, `a send and four reads take ${quartileMs} ms`);
      assert.match((await get(alice, 1)).how, /fwd=bypass/);
    } finally {
      process.kill(redis.pid, "SIGCONT");
    }
    await sendAndRead(5, "thawed");
  });

  test("with Redis killed, and back again, reads are right", async () => {
    await until("the answer is kept", () => isHit(alice, 1));
    await redis.kill();
    await sendAndRead(5, "killed");
    await redis.start();
    await sendAndRead(20, "back");
    await until("the answer is kept", () => isHit(alice, 1));
    await sendAndRead(5, "kept again");
  });
});
