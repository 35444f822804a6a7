/** Kept answers, through a whole Parley. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { ParleyClient } from "@parley/client";
import pg from "pg";
import { isSplit, startParley } from "#test/parley.ts";
import { newPerson, type Person, signIn } from "#test/people.ts";
import { until } from "#test/until.ts";

const parley = await startParley({ PARLEY_CACHE: "on", PARLEY_DATABASE_TIMEOUT_MS: "3000" });
const alice = await newPerson(parley.url, "Alice");
const bob = await newPerson(parley.url, "Bob");
let chatId = "";

before(async () => {
  chatId = (await alice.client.createChat({ kind: "group", title: "Cats", memberIds: [bob.id] })).id!;
  await alice.client.sendMessage(chatId, "first");
});

const tokenOf = async ({ email }: Person) => (await signIn(parley.url, email)).token;

const eve = await newPerson(parley.url, "Eve");
const tokens = { alice: await tokenOf(alice), bob: await tokenOf(bob), eve: await tokenOf(eve) };

type Who = keyof typeof tokens;

async function get(who: Who, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${parley.url}${path}`, {
    headers: { authorization: `Bearer ${tokens[who]}`, ...headers },
  });
  const text = await response.text();
  return {
    status: response.status,
    how: response.headers.get("cache-status") ?? "",
    etag: response.headers.get("etag") ?? "",
    headers: response.headers,
    text,
    body: text === "" ? undefined : JSON.parse(text),
  };
}

/**
 * With a Redis, nothing is kept for the first moments of a process, nor for some after it has been held up: asks until
 * the cache does its work.
 */
async function getKept(who: Who, path: string, headers: Record<string, string> = {}) {
  let answer = await get(who, path, headers);
  await until("answers are kept", async () => {
    if (answer.how.includes("bypass")) answer = await get(who, path, headers);
    return !answer.how.includes("bypass");
  });
  return answer;
}

await getKept("alice", "/v2/users/me");

const messagesPath = () => `/v2/chats/${chatId}/messages`;

/** Asks twice, so that the second answer is a kept one; with a Redis, until it is. */
async function warm(who: Who, path: string) {
  await getKept(who, path);
  let answer = await get(who, path);
  const isHit = () => answer.how.startsWith("parley; hit");
  await until(`${path} is kept`, async () => {
    if (isSplit && !isHit()) answer = await get(who, path);
    return !isSplit || isHit();
  });
  assert.match(answer.how, /^parley; hit; ttl=\d+$/, path);
  return answer.text;
}

test("a second GET is answered from the cache, the same to the byte", async () => {
  const first = await getKept("alice", messagesPath());
  assert.match(first.how, /^parley; fwd=uri-miss; stored$/);
  assert.equal(await warm("alice", messagesPath()), first.text);
  assert.equal(first.headers.get("cache-control"), "private, no-cache");
  assert.match(first.headers.get("vary") ?? "", /Authorization, Cookie/);
});

let asked = 0;

const changes: [string, (paths: { me: ParleyClient; messageId: string }) => Promise<unknown>][] = [
  ["message", ({ me }) => me.sendMessage(chatId, "another")],
  ["edit", ({ me, messageId }) => me.editMessage(chatId, messageId, "edited")],
  ["reaction", ({ me, messageId }) => me.addReaction(chatId, messageId, "👍")],
  ["title", ({ me }) => me.updateChat(chatId, { title: "Dogs" })],
  ["read position", ({ me }) => bob.client.markRead(chatId, 1).then(() => me)],
  ["role", ({ me }) => me.updateMember(chatId, bob.id, "admin")],
  ["delete", ({ me, messageId }) => me.deleteMessage(chatId, messageId)],
];

for (const [name, change] of changes) {
  test(`after a change (${name}) the answers are what the service says now`, async () => {
    const { id: messageId = "" } = await alice.client.sendMessage(chatId, "to be changed");
    const paths = ["", "/messages", "/events", "/members"].map((rest) => `/v2/chats/${chatId}${rest}`);
    for (const who of ["alice", "bob"] as const) for (const path of paths) await warm(who, path);
    await change({ me: alice.client, messageId });
    for (const who of ["alice", "bob"] as const) {
      for (const path of paths) {
        // A query of nothing but ampersands says nothing, but is another key.
        const fresh = await getKept(who, `${path}?${"&".repeat(++asked)}`);
        assert.match(fresh.how, /fwd=uri-miss/);
        assert.equal((await get(who, path)).text, fresh.text, `${who} ${path}`);
      }
    }
  });
}

test("an answer that the client has is not sent again", async () => {
  const { etag } = await get("alice", messagesPath());
  assert.match(etag, /^"[\w-]{22}"$/);
  for (const given of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    const again = await get("alice", messagesPath(), { "if-none-match": given });
    assert.deepEqual([again.status, again.text, again.etag], [304, "", etag], given);
    assert.equal(again.headers.get("cache-control"), "private, no-cache");
  }
  assert.equal((await get("alice", messagesPath(), { "if-none-match": '"other"' })).status, 200);
  const onMiss = await getKept("alice", `${messagesPath()}?&&&&`, { "if-none-match": etag });
  assert.deepEqual([onMiss.status, onMiss.how], [304, "parley; fwd=uri-miss; stored"]);
  await alice.client.sendMessage(chatId, "news");
  const changed = await get("alice", messagesPath(), { "if-none-match": etag });
  assert.equal(changed.status, 200);
  assert.notEqual(changed.etag, etag);
});

test("HEAD says what GET would", async () => {
  const text = await warm("alice", messagesPath());
  const head = async () => {
    const headers = { authorization: `Bearer ${tokens.alice}` };
    const response = await fetch(`${parley.url}${messagesPath()}`, { method: "HEAD", headers });
    assert.equal(response.headers.get("content-length"), String(Buffer.byteLength(text)));
    return response.headers.get("cache-status") ?? "";
  };
  if (isSplit) await until("it is kept", async () => /hit/.test(await head()));
  else assert.match(await head(), /hit/);
});

test("nobody gets another's answer", async () => {
  const { id: messageId = "" } = await alice.client.sendMessage(chatId, "with a reaction");
  await alice.client.addReaction(chatId, messageId, "👍");
  const mine = await warm("alice", messagesPath());
  const theirs = await get("bob", messagesPath());
  assert.match(theirs.how, /fwd=/);
  assert.notEqual(theirs.text, mine, "what is hers alone, her own reaction, is not in his");
  const strange = await get("eve", messagesPath());
  assert.deepEqual([strange.status, strange.body.code, strange.how], [404, "chat-not-found", ""]);
  const nobody = await fetch(`${parley.url}${messagesPath()}`);
  assert.equal(nobody.status, 401);
});

test("a removed member gets nothing", async () => {
  const paths = ["", "/messages", "/events", "/members"].map((rest) => `/v2/chats/${chatId}${rest}`);
  await alice.client.addMembers(chatId, [eve.id]);
  for (const path of paths) await warm("eve", path);
  const { etag } = await get("eve", messagesPath());
  await alice.client.removeMember(chatId, eve.id);
  for (const path of paths) assert.equal((await get("eve", path)).body.code, "chat-not-found", path);
  assert.equal((await get("eve", messagesPath(), { "if-none-match": etag })).status, 404);
});

test("a new name is seen by everybody at once", async () => {
  await warm("bob", `/v2/users/${alice.id}`);
  await warm("alice", "/v2/users/me");
  await alice.client.updateMe({ name: "Alice the Second" });
  assert.equal((await get("bob", `/v2/users/${alice.id}`)).body.user.name, "Alice the Second");
  assert.equal((await get("alice", "/v2/users/me")).body.user.name, "Alice the Second");
});

test("what is not right is refused as without a cache, and other routes are left alone", async () => {
  assert.equal((await get("alice", "/v2/chats/no-id/messages")).body.code, "invalid-input");
  assert.equal((await get("alice", `${messagesPath()}?limit=201`)).body.code, "invalid-input");
  const chats = await get("alice", "/v2/chats");
  assert.deepEqual([chats.how, chats.headers.get("cache-control")], ["", "no-store"]);
});

test("with the database stuck, members get the older answer, and one who was removed before does not", async () => {
  const { id = "" } = await alice.client.createChat({ kind: "group", title: "T", memberIds: [bob.id] });
  const other = await alice.client.createChat({ kind: "group", title: "O", memberIds: [bob.id] });
  const [path, pathOfOther] = [`/v2/chats/${id}/messages`, `/v2/chats/${other.id}/messages`];
  const kept = await warm("bob", path);
  await warm("bob", pathOfOther);
  await alice.client.sendMessage(id, "what the kept answer lacks");
  await alice.client.removeMember(other.id ?? "", bob.id);
  await withLockedChats(async () => {
    const asked = [path, pathOfOther, `${path}?&`];
    const [stale, ...refused] = await Promise.all(asked.map((one) => get("bob", one)));
    assert.deepEqual([stale!.status, stale!.text], [200, kept]);
    assert.match(stale!.how, /^parley; hit; ttl=0; detail=stale-if-error$/);
    for (const { status, how } of refused) assert.ok(status >= 503 && how === "", `${status} ${how}`);
  });
  assert.equal((await get("bob", path)).body.messages.length, 1, "and all is well again at once");
});

/** Whatever reads a chat finds no answer in time while the work is done. */
async function withLockedChats(work: () => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: parley.databaseUrl });
  await client.connect();
  try {
    await client.query("BEGIN; LOCK TABLE messenger.chats IN ACCESS EXCLUSIVE MODE");
    await work();
  } finally {
    await client.end();
  }
}
