/** Kept answers, through a whole Parley of one process. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { ParleyClient } from "@parley/client";
import { startParley } from "#test/parley.ts";
import { newPerson, type Person, password } from "#test/people.ts";

const parley = await startParley({ PARLEY_CACHE: "on" });
const alice = await newPerson(parley.url, "Alice");
const bob = await newPerson(parley.url, "Bob");
let chatId = "";

before(async () => {
  chatId = (await alice.client.createChat({ kind: "group", title: "Cats", memberIds: [bob.id] })).id!;
  await alice.client.sendMessage(chatId, "first");
});

async function tokenOf({ email }: Person): Promise<string> {
  const response = await fetch(`${parley.url}/v2/auth/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  return ((await response.json()) as { accessToken: string }).accessToken;
}

const tokens = { alice: await tokenOf(alice), bob: await tokenOf(bob) };

async function get(who: "alice" | "bob", path: string, headers: Record<string, string> = {}) {
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

const messagesPath = () => `/v2/chats/${chatId}/messages`;

/** Asks twice, so that the second answer is a kept one. */
async function warm(who: "alice" | "bob", path: string) {
  await get(who, path);
  const { how, text } = await get(who, path);
  assert.match(how, /^parley; hit; ttl=\d+$/, path);
  return text;
}

test("a second GET is answered from the cache, the same to the byte", async () => {
  const first = await get("alice", messagesPath());
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
        const fresh = await get(who, `${path}?${"&".repeat(++asked)}`);
        assert.match(fresh.how, /fwd=uri-miss/);
        assert.equal((await get(who, path)).text, fresh.text, `${who} ${path}`);
      }
    }
  });
}
