/** What the transcript of messenger-v1 cannot show: two pods, time that passes, limits, a database that goes away. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { createTestDatabase } from "#test/database.ts";
import { startDatabaseLine } from "#test/database-line.ts";
import { cheapHashing, startParley, startPod } from "#test/parley.ts";
import { newPerson, password } from "#test/people.ts";
import { startRedis, withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";

interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: looked into by tests
  body: any;
}

async function ask(url: string, session: string, json?: object): Promise<Answer> {
  const response = await fetch(url, {
    method: json ? "POST" : "GET",
    headers: session ? { authorization: `session_id ${session}` } : {},
    body: json ? JSON.stringify(json) : null,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text && JSON.parse(text) };
}

async function logIn(url: string, account: object): Promise<string> {
  const { status, body } = await ask(`${url}/v1/auth/login`, "", account);
  assert.equal(status, 200);
  return body.session_id;
}

/** Registered and signed in. */
async function newUser(url: string) {
  const account = { user_name: `user ${randomBytes(6).toString("hex")}`, password: "p" };
  assert.equal((await ask(`${url}/v1/auth/register`, "", account)).status, 201);
  return { account, session: await logIn(url, account) };
}

async function newChat(url: string, session: string): Promise<string> {
  return (await ask(`${url}/v1/chats`, session, { chat_name: "Chat" })).body.chat_id;
}

async function join(url: string, session: string, chatId: string): Promise<string> {
  const { status, body } = await ask(`${url}/v1/chats/${chatId}/users`, session, { user_name: "Somebody" });
  assert.equal(status, 201);
  return body.user_id;
}

async function send(
  url: string,
  { session, id, chatId }: { session: string; id: string; chatId: string },
  message: string,
) {
  const answer = await ask(`${url}/v1/chats/${chatId}/messages?user_id=${id}`, session, { message });
  assert.equal(answer.status, 201);
}

const history = (url: string, session: string, chatId: string) =>
  ask(`${url}/v1/chats/${chatId}/messages?limit=1000`, session);

const isHit = ({ headers }: Answer) => headers.get("cache-status")?.includes("hit") === true;

describe("messenger-v1 at two pods", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const redis = await startRedis();
  const environment = {
    DATABASE_URL: (await createTestDatabase()).url,
    PARLEY_SECRET_KEY: Buffer.alloc(32, 7).toString("base64"),
    REDIS_URL: redis.url,
    // They ask again and again, faster than any client would.
    PARLEY_THROTTLING: "off",
  };
  const [a, b] = [(await startParley(environment)).url, (await startParley(environment)).url];
  const anna = (await newUser(a)).session;
  const { session: bob, account: bobsAccount } = await newUser(b);
  const chatId = await newChat(a, anna);
  const annasId = await join(a, anna, chatId);
  const bobsId = await join(b, bob, chatId);

  /** What either pod acknowledges is read at once at both. */
  async function sendAndRead(rounds: number, name: string) {
    for (let i = 0; i < rounds; i++) {
      const text = `${name} ${i}`;
      if (i % 2 === 0) await send(a, { session: anna, id: annasId, chatId }, text);
      else await send(b, { session: bob, id: bobsId, chatId }, text);
      const reads = await Promise.all([
        history(a, anna, chatId),
        history(b, anna, chatId),
        history(a, bob, chatId),
      ]);
      for (const { body } of reads) assert.equal(body.messages[0].text, text);
    }
  }

  test("a history is kept until a message is added, at either of them", async () => {
    await send(a, { session: anna, id: annasId, chatId }, "first");
    const bothKeep = async () =>
      isHit(await history(a, anna, chatId)) && isHit(await history(b, anna, chatId));
    await until("both keep it", bothKeep);
    await sendAndRead(20, "kept");
    await until("both keep it again", bothKeep);
  });

  test("a message that is deleted or edited by v2 changes it as well", async () => {
    const carol = await newPerson(a, "Carol");
    const session = await logIn(b, { user_name: carol.email, password });
    const id = await join(b, session, chatId);
    assert.equal(id, carol.id);
    await send(b, { session, id, chatId }, "to be edited");
    await until("it is kept", async () => isHit(await history(b, bob, chatId)));
    const { messages } = await carol.client.listMessages(chatId, { limit: 1 });
    const messageId = messages[0]?.id ?? "";
    await carol.client.editMessage(chatId, messageId, "edited");
    assert.equal((await history(b, bob, chatId)).body.messages[0].text, "edited");
    await carol.client.deleteMessage(chatId, messageId);
    assert.notEqual((await history(b, bob, chatId)).body.messages[0].text, "edited");
  });

  test("FLUSHALL in the middle of it ends no session, and changes nothing that is read", async () => {
    let isDone = false;
    const flushing = (async () => {
      while (!isDone) await redis.command("FLUSHALL");
    })();
    await sendAndRead(10, "flushed").finally(() => {
      isDone = true;
    });
    await flushing;
  });

  test("a logout at one is known at the other at once", async () => {
    for (let i = 0; i < 10; i++) {
      const session = await logIn(a, bobsAccount);
      for (const url of [a, b, a, b]) assert.equal((await history(url, session, chatId)).status, 200);
      assert.equal((await ask(`${a}/v1/auth/logout`, session, {})).status, 200);
      const after = await Promise.all([b, a, b].map((url) => history(url, session, chatId)));
      for (const { status, body } of after)
        assert.deepEqual([status, body], [401, { message: "unauthenticated" }]);
    }
    assert.equal((await history(b, bob, chatId)).status, 200);
  });

  test("a session that is ended from elsewhere is over at both", async () => {
    const carol = await newPerson(a, "Carol");
    const session = await logIn(b, { user_name: carol.email, password });
    await join(b, session, chatId);
    for (const url of [a, b]) assert.equal((await history(url, session, chatId)).status, 200);
    const sessions = await carol.client.listSessions();
    const other = sessions.find(({ current }) => !current);
    await carol.client.revokeSession(other?.id ?? "");
    for (const url of [a, b])
      await until("it is refused", async () => (await history(url, session, chatId)).status === 401);
  });

  test("with Redis away, sessions and history go on", async () => {
    await redis.kill();
    await sendAndRead(5, "away");
    await redis.start();
    await sendAndRead(5, "back");
  });
});

test("a session is over after an hour, however it is used", async () => {
  const clock = { nowMs: Date.now(), now: () => clock.nowMs };
  const { url } = await startParley({}, { clock });
  const { session, account } = await newUser(url);
  const chatId = await newChat(url, session);
  const steps = [0, 20, 39, 59].map((minutes) => minutes * 60_000);
  const startedAtMs = clock.nowMs;
  for (const step of steps) {
    clock.nowMs = startedAtMs + step;
    assert.equal((await history(url, session, chatId)).status, 200);
  }
  clock.nowMs = startedAtMs + 3_600_000;
  assert.equal((await history(url, session, chatId)).status, 401);
  assert.equal((await history(url, await logIn(url, account), chatId)).status, 200);
});

test("a session lives as long as the setting says", async () => {
  const clock = { nowMs: Date.now(), now: () => clock.nowMs };
  const { url } = await startParley({ PARLEY_MESSENGER_V1_SESSION_SECONDS: "7200" }, { clock });
  const { session } = await newUser(url);
  clock.nowMs += 7_199_000;
  const chatId = await newChat(url, session);
  assert.equal((await history(url, session, chatId)).status, 200);
  clock.nowMs += 1_000;
  assert.equal((await history(url, session, chatId)).status, 401);
});

test("each caller has 100 requests in a second", async () => {
  // Without the ample limits that tests have otherwise.
  const { httpPort } = await startPod({
    DATABASE_URL: (await createTestDatabase()).url,
    PARLEY_SECRET_KEY: randomBytes(32).toString("base64"),
    ...cheapHashing,
  });
  const url = `http://127.0.0.1:${httpPort}`;
  const { session } = await newUser(url);
  const { headers } = await history(url, session, await newChat(url, session));
  assert.match(headers.get("ratelimit-policy") ?? "", /"messenger-v1";q=100;w=1\b/);
});

test("a caller above the limit is told so in the old words, and others are served", async () => {
  const { url } = await startParley({ PARLEY_LIMIT_MESSENGER_V1: "10/h burst 10" });
  const { session } = await newUser(url);
  const chatId = await newChat(url, session);
  const answers = await Promise.all(Array.from({ length: 20 }, () => history(url, session, chatId)));
  assert.equal(answers.filter(({ status }) => status === 200).length, 9);
  const refused = answers.find(({ status }) => status === 429);
  assert.deepEqual(refused?.body, { message: "too-many-requests" });
  assert.ok(Number(refused?.headers.get("retry-after")) > 0);
  const other = (await newUser(url)).session;
  await join(url, other, chatId);
  assert.equal((await history(url, other, chatId)).status, 200);
});

test("one of many registrations under one name is the one, and bad ones in any number hold nobody up", async () => {
  const { url } = await startParley({ PARLEY_THROTTLING: "off" });
  const account = { user_name: "somebody", password: "p" };
  const register = (json: object) => ask(`${url}/v1/auth/register`, "", json);
  const same = await Promise.all(Array.from({ length: 60 }, () => register(account)));
  assert.equal(same.filter(({ status }) => status === 201).length, 1);
  const bad = [
    account,
    { user_name: "x" },
    { user_name: "x", password: "p".repeat(300) },
    { user_name: "x".repeat(5_000), password: "p" },
    { user_name: "\ud800", password: "p" },
  ];
  for (const json of bad) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => register(json)));
    for (const { status, body } of answers)
      assert.deepEqual([status, body], [400, { message: "bad-parameters" }]);
  }
  await newUser(url);
});

test("with the database away, ping_db says so, ping does not care, and a history that was read is still there", async () => {
  const line = await startDatabaseLine((await createTestDatabase()).url);
  const { url } = await startParley({
    DATABASE_URL: line.url,
    PARLEY_CIRCUIT_OPEN_MS: "200",
    PARLEY_CACHE: "on",
    PARLEY_CACHE_TTL_MS: "100",
    PARLEY_THROTTLING: "off",
  });
  const ping = async (path: string) => (await ask(url + path, "")).status;
  const { session } = await newUser(url);
  const chatId = await newChat(url, session);
  await send(url, { session, id: await join(url, session, chatId), chatId }, "still there");
  await until("it is kept", async () => isHit(await history(url, session, chatId)));
  assert.equal(await ping("/ping_db"), 200);
  line.cut();
  await until("ping_db is 503", async () => (await ping("/ping_db")) === 503);
  assert.equal(await ping("/ping"), 200);
  let old: Answer | undefined;
  await until("it is too old to be a hit", async () => {
    old = await history(url, session, chatId);
    return old.headers.get("cache-status")?.includes("stale-if-error") === true;
  });
  assert.deepEqual([old?.status, old?.body], [200, { messages: [{ text: "still there" }] }]);
  const unread = await ask(`${url}/v1/chats/${chatId}/messages?limit=7`, session);
  assert.equal(unread.status, 503);
  assert.deepEqual(Object.keys(unread.body), ["message"]);
  await line.restore();
  await until("ping_db is 200", async () => (await ping("/ping_db")) === 200);
});
