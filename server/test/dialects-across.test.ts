/** What is done by one of the old APIs is there in all others, and in v2. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { askOf, createOldAccount, type OldAccount } from "#test/old-clients.ts";
import { ampleSearchTime, startParley } from "#test/parley.ts";
import { SocialClient, socialUrlOf } from "#test/social-client.ts";
import { SocketClient } from "#test/socket-client.ts";
import { until } from "#test/until.ts";

const parley = await startParley({ PARLEY_THROTTLING: "off", ...ampleSearchTime });
const ask = askOf(parley.url);
const alice = await createOldAccount(ask, "alice");
const bob = await createOldAccount(ask, "bob");
const eve = await createOldAccount(ask, "eve");

const by = (who: OldAccount, dialect: keyof OldAccount["credentials"]) => ({
  headers: who.credentials[dialect],
});
const sending = (who: OldAccount, dialect: keyof OldAccount["credentials"], json: unknown) => ({
  ...by(who, dialect),
  json,
});

/** Texts of a chat's messages, oldest first, as each API tells them. */
async function histories(who: OldAccount, chatId: string): Promise<Record<string, string[]>> {
  const texts = (messages: { text?: string }[]) => messages.map(({ text = "" }) => text);
  const v1 = await ask(`GET /v1/chats/${chatId}/messages`, by(who, "messenger-v1"));
  const social = await ask(`GET /messenger/messages?chat_id=${chatId}`, by(who, "social"));
  const v2 = await ask(`GET /v2/chats/${chatId}/messages`, by(who, "v2"));
  return {
    "messenger-v1": texts(v1.body.messages).reverse(),
    social: texts(social.body.messages).reverse(),
    v2: texts(v2.body.messages),
  };
}

const all = (texts: string[]) => ({ "messenger-v1": texts, social: texts, v2: texts });

async function directChat(): Promise<string> {
  const request = sending(alice, "social", { companion_id: bob.id });
  return (await ask("POST /messenger/create-chat", request)).body.chat_id;
}

test("one account is the same to every API, by whatever name its clients sign in", async () => {
  const { id, login, email, password } = alice;
  const ids = [
    (await ask(`GET /auth/user?email=${email}`, by(bob, "social"))).body.user_id,
    (await ask("GET /users/me", by(alice, "octo"))).body.id,
    (await ask("GET /auth", by(alice, "lab"))).body.id,
    (await ask("GET /v2/users/me", by(alice, "v2"))).body.user.id,
  ];
  for (const name of [login, email, "ALICE", ` ${email} `]) {
    const basic = { authorization: `Basic ${btoa(`${name}:${password}`)}` };
    ids.push((await ask("GET /auth_check", { headers: basic })).body.id);
    const { accessToken } = (await ask("POST /v2/auth/sign-in", { json: { email: name, password } })).body;
    const headers = { authorization: `Bearer ${accessToken}` };
    ids.push((await ask("GET /v2/users/me", { headers })).body.user?.id);
    const { session_id } = (await ask("POST /v1/auth/login", { json: { user_name: name, password } })).body;
    const v1 = { headers: { authorization: `session_id ${session_id}` } };
    const { chat_id } = (await ask("POST /v1/chats", { ...v1, json: { chat_name: "own" } })).body;
    ids.push(
      (await ask(`POST /v1/chats/${chat_id}/users`, { ...v1, json: { user_name: "me" } })).body.user_id,
    );
  }
  assert.deepEqual(
    ids,
    ids.map(() => id),
  );
  const { name, surname } = (await ask("GET /v2/users/me", by(alice, "v2"))).body.user;
  assert.deepEqual([name, surname ?? "Tester"], ["alice", "Tester"]);
});

test("a message of social's socket is read in messenger-v1, pushed on /v2/ws, and found", async () => {
  const chatId = await directChat();
  const sender = await SocialClient.open(socialUrlOf(parley.url), alice.token);
  const receiver = await SocialClient.open(socialUrlOf(parley.url), bob.token);
  const socket = await SocketClient.open(parley.wsUrl, bob.token);
  await socket.resume();
  const text = `Wasserfall ${randomUUID()}`;
  sender.send(chatId, text);
  assert.deepEqual(await receiver.untilTexts(1), [text]);
  await socket.until(() => socket.events.some(({ message }) => message?.text === text), "the push");
  const told = await histories(bob, chatId);
  for (const [api, texts] of Object.entries(told)) assert.equal(texts.at(-1), text, api);
  const found = await ask("GET /v2/search?q=Wasserfall", by(bob, "v2"));
  assert.equal(found.body.hits?.length, 1, JSON.stringify(found.body));
  const task = await ask("POST /v1/chats/search", sending(bob, "messenger-v1", { message: "Wassersall" }));
  const { task_id } = task.body;
  await until("the search has ended", async () => {
    const { body } = await ask(`GET /v1/chats/search/status/${task_id}`, by(bob, "messenger-v1"));
    return body.status === "SUCCESS";
  });
  const results = await ask(`GET /v1/chats/search/${task_id}/messages`, by(bob, "messenger-v1"));
  assert.deepEqual(results.body, { messages: [{ text, chat_id: chatId }] });
  assert.equal((await ask("GET /v2/search?q=Wasserfall", by(eve, "v2"))).body.hits?.length ?? 0, 0);
});

test("whatever API a message is sent by, all tell the same history, and sockets of both kinds get it", async () => {
  const { chat_id: chatId } = (
    await ask("POST /v1/chats", sending(alice, "messenger-v1", { chat_name: "all" }))
  ).body;
  const join = sending(bob, "messenger-v1", { user_name: "Bobby" });
  await ask(`POST /v1/chats/${chatId}/users`, join);
  const old = await SocialClient.open(socialUrlOf(parley.url), bob.token);
  const socket = await SocketClient.open(parley.wsUrl, bob.token);
  await socket.resume();
  assert.deepEqual(await histories(bob, chatId), all([]));
  const sends = [
    () =>
      ask(
        `POST /v1/chats/${chatId}/messages?user_id=${alice.id}`,
        sending(alice, "messenger-v1", { message: "by v1" }),
      ),
    () =>
      ask(
        "POST /messenger/messages",
        sending(alice, "social", { chat_id: chatId, messages: [{ text: "by social", status: "created" }] }),
      ),
    () =>
      ask(
        `POST /v2/chats/${chatId}/messages`,
        sending(alice, "v2", { text: "by v2", clientId: randomUUID() }),
      ),
  ];
  const texts: string[] = [];
  for (const [i, send] of sends.entries()) {
    const { status } = await send();
    assert.ok(status === 200 || status === 201, `${status}`);
    texts.push(["by v1", "by social", "by v2"][i]!);
    // Kept answers die with each message.
    assert.deepEqual(await histories(bob, chatId), all(texts));
  }
  assert.deepEqual(await old.untilTexts(texts.length), texts);
  await socket.until(() =>
    texts.every((text) => socket.events.some(({ message }) => message?.text === text)),
  );
});

test("a chat made in one API is there in the others, for those who are in it, and for nobody else", async () => {
  const { chat_id: v1 } = (await ask("POST /v1/chats", sending(alice, "messenger-v1", { chat_name: "open" })))
    .body;
  await ask(`POST /v1/chats/${v1}/users`, sending(bob, "messenger-v1", { user_name: "Bobby" }));
  const social = await directChat();
  const made = await ask(
    "POST /v2/chats",
    sending(alice, "v2", { kind: "group", title: "New", memberIds: [bob.id] }),
  );
  const v2 = made.body.chat.id;
  const listed = async (who: OldAccount) => {
    const inV2 = (await ask("GET /v2/chats", by(who, "v2"))).body.chats ?? [];
    const inSocial = (await ask("GET /messenger/chats?limit=100", by(who, "social"))).body.chats;
    return [inV2, inSocial].map((chats) =>
      [v1, social, v2].map((id) => chats.some((chat: { id: string }) => chat.id === id)),
    );
  };
  const everything = [
    [true, true, true],
    [true, true, true],
  ];
  assert.deepEqual(await listed(alice), everything);
  assert.deepEqual(await listed(bob), everything);
  assert.deepEqual(await listed(eve), [
    [false, false, false],
    [false, false, false],
  ]);
  for (const id of [social, v2]) {
    const join = await ask(`POST /v1/chats/${id}/users`, sending(eve, "messenger-v1", { user_name: "Eve" }));
    assert.deepEqual([join.status, join.body], [404, { message: "chat-not-found" }]);
    assert.equal((await ask(`GET /messenger/messages?chat_id=${id}`, by(eve, "social"))).status, 404);
  }
});

test("a value of kv is a blob of v2, and the other way round, whichever API's token is shown", async () => {
  for (const dialect of ["messenger-v1", "social", "octo", "lab", "v2"] as const) {
    const key = `value of ${dialect}`;
    const data = Buffer.from(`bytes by ${dialect}`).toString("base64");
    const put = await ask("POST /put/", sending(alice, dialect, { key, extension: "txt", data }));
    assert.equal(put.status, 200, `${dialect}: ${JSON.stringify(put.body)}`);
    const path = encodeURIComponent(key);
    assert.equal((await ask(`GET /v2/blobs/${path}`, by(alice, "v2"))).body, `bytes by ${dialect}`);
    const got = await ask(`GET /get/${path}`, by(alice, dialect));
    assert.deepEqual([got.status, got.body], [200, { key, extension: "txt", data }], dialect);
    assert.equal((await ask(`GET /get/${path}`, by(eve, dialect))).status, 404);
  }
  const headers = { ...alice.credentials.v2, "content-type": "image/png" };
  await fetch(`${parley.url}/v2/blobs/picture`, { method: "PUT", headers, body: "pixels" });
  const got = await ask("GET /get/picture", by(alice, "social"));
  assert.deepEqual(got.body, {
    key: "picture",
    extension: "png",
    data: Buffer.from("pixels").toString("base64"),
  });
});

test("a session that is ended in one API is ended in all", async () => {
  const { credentials } = await createOldAccount(ask, "quitter");
  const v1 = { headers: credentials["messenger-v1"] };
  assert.equal((await ask("POST /v1/chats", { ...v1, json: { chat_name: "c" } })).status, 201);
  assert.equal((await ask("GET /welcome", { headers: credentials.octo })).status, 200);
  const { sessions } = (await ask("GET /v2/auth/sessions", { headers: credentials.v2 })).body;
  assert.equal(sessions.length, 4, "messenger-v1, social, octo and v2");
  // Its own last.
  sessions.sort(
    (a: { current?: boolean }, b: { current?: boolean }) => Number(a.current) - Number(b.current),
  );
  for (const { id } of sessions) await ask(`DELETE /v2/auth/sessions/${id}`, { headers: credentials.v2 });
  await until(
    "messenger-v1's session is over",
    async () => (await ask("POST /v1/auth/logout", v1)).status === 401,
  );
  await until(
    "octo's session is over",
    async () => (await ask("GET /welcome", { headers: credentials.octo })).status === 401,
  );
});
