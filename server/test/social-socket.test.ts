/** Social's API beside v2: what is sent by one is pushed to the other, found in history by both, and nobody falls over. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import type { Message } from "@parley/client";
import { createLog } from "#platform/log.ts";
import { startParley } from "#test/parley.ts";
import { newPerson, password, signedIn } from "#test/people.ts";
import { parsePrometheus } from "#test/prometheus.ts";
import { SocialClient, type SocialMessage, socialUrlOf } from "#test/social-client.ts";
import { until } from "#test/until.ts";

const lines: string[] = [];
const adminEmail = `admin-${randomUUID()}@example.com`;
const log = createLog("debug", { write: (line) => void lines.push(line) });
const settings = {
  PARLEY_ADMIN_EMAILS: adminEmail,
  PARLEY_CIRCUIT_MIN_CALLS: "5",
};
const parley = await startParley(settings, { log });
const socketUrl = socialUrlOf(parley.url);

interface SocialPerson {
  email: string;
  id: string;
  token: string;
}

async function ask(method: string, path: string, { token = "", body, url = parley.url }: Asked = {}) {
  const headers = { "content-type": "application/json", ...(token ? { authorization: token } : {}) };
  const response = await fetch(url + path, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  // biome-ignore lint/suspicious/noExplicitAny: whatever the API answers
  return { status: response.status, body: (await response.json()) as any };
}

interface Asked {
  token?: string;
  body?: object;
  url?: string;
}

async function newSocialPerson(name: string, emailOf = randomUUID()): Promise<SocialPerson> {
  const account = { email: `${name}-${emailOf}@example.com`.toLowerCase(), password };
  assert.equal((await ask("POST", "/auth/sign-up", { body: { ...account, name } })).status, 200);
  const token = (await ask("POST", "/auth/sign-in", { body: account })).body.access_token;
  const found = await ask("GET", `/auth/user?email=${account.email}`, { token });
  return { email: account.email, id: found.body.user_id, token };
}

async function chatOf(person: SocialPerson, companionId: string): Promise<string> {
  const body = { companion_id: companionId };
  return (await ask("POST", "/messenger/create-chat", { token: person.token, body })).body.chat_id;
}

async function history({ token }: SocialPerson, chatId: string, url?: string): Promise<SocialMessage[]> {
  const path = `/messenger/messages?chat_id=${chatId}&limit=1000`;
  return (await ask("GET", path, { token, ...(url ? { url } : {}) })).body.messages;
}

const open = ({ token }: SocialPerson) => SocialClient.open(socketUrl, token);

/** The same account, by the SDK and on v2's socket. */
async function onV2(email: string) {
  const client = await signedIn(parley.url, email);
  const messages: Message[] = [];
  client.on("message", (message) => void messages.push(message));
  await client.connect();
  return { client, texts: () => messages.map((message) => message.text) };
}

test("what is sent by social's socket is pushed on v2's, and the other way round", async () => {
  const [bob, alice] = [await newSocialPerson("Bob"), await newSocialPerson("Alice")];
  const chatId = await chatOf(bob, alice.id);
  const newer = await onV2(alice.email);
  const [older, phone] = [await open(bob), await open(bob)];

  older.send(chatId, "from the old API");
  await until("the message on v2's socket", () => newer.texts().length > 0);
  assert.deepEqual(newer.texts(), ["from the old API"]);

  const sent = await newer.client.sendMessage(chatId, "from v2");
  for (const client of [older, phone]) {
    assert.deepEqual(await client.untilTexts(1), ["from v2"]);
    const { createdAt, id, senderId } = sent;
    assert.deepEqual(client.messages, [
      { id, text: "from v2", status: "received", create_time: createdAt, user_id: senderId, chat_id: chatId },
    ]);
    assert.deepEqual([client.errors, client.others], [[], []]);
  }
  const told = await history(bob, chatId);
  assert.deepEqual(
    told.map(({ text, status }) => [text, status]),
    [
      ["from v2", "received"],
      ["from the old API", "created"],
    ],
  );
});

test("edits, reactions and whatever else is new are not pushed to old clients, and history tells what became of it", async () => {
  const [bob, alice] = [await newSocialPerson("Bob"), await newSocialPerson("Alice")];
  const chatId = await chatOf(bob, alice.id);
  const older = await open(bob);
  const { client } = await onV2(alice.email);
  const first = await client.sendMessage(chatId, "tpyo");
  await client.editMessage(chatId, first.id!, "typo");
  const second = await client.sendMessage(chatId, "gone");
  await client.deleteMessage(chatId, second.id!);
  client.sendTyping(chatId);
  await client.sendMessage(chatId, "last");
  const texts = await older.untilTexts(3);
  assert.equal(texts.at(-1), "last");
  assert.deepEqual([older.messages.length, older.others, older.errors], [3, [], []]);
  const told = await history(bob, chatId);
  assert.deepEqual(
    told.map(({ text, status }) => [text, status]),
    [
      ["last", "received"],
      ["", "deleted"],
      ["typo", "received"],
    ],
  );
});

test("everybody gets all messages in the order of history, however many are sent at once", async () => {
  const [bob, alice] = [await newSocialPerson("Bob"), await newSocialPerson("Alice")];
  const chatId = await chatOf(bob, alice.id);
  const newer = await onV2(alice.email);
  const [bobs, bobsPhone, alices] = [await open(bob), await open(bob), await open(alice)];
  const each = 120;
  for (let i = 0; i < each; i += 3) {
    bobs.send(chatId, `b${i}`, `b${i + 1}`, `b${i + 2}`);
    alices.send(chatId, `a${i}`, `a${i + 1}`, `a${i + 2}`);
    await ask("POST", "/messenger/messages", {
      token: bob.token,
      body: { chat_id: chatId, messages: [{ text: `r${i}` }, { text: `r${i + 1}` }, { text: `r${i + 2}` }] },
    });
  }
  await until("all of them on v2's socket", () => newer.texts().length === 3 * each);
  const inOrder = (await history(bob, chatId)).map((message) => message.text).reverse();
  assert.equal(inOrder.length, 3 * each);
  for (const kind of ["a", "b", "r"]) {
    const own = inOrder.filter((text) => text.startsWith(kind));
    assert.deepEqual(
      own,
      Array.from({ length: each }, (_, i) => `${kind}${i}`),
    );
  }
  const ofAlice = inOrder.filter((text) => text.startsWith("a"));
  assert.deepEqual(
    await alices.untilTexts(2 * each),
    inOrder.filter((text) => !text.startsWith("a")),
  );
  assert.deepEqual(await bobs.untilTexts(each), ofAlice);
  assert.deepEqual(await bobsPhone.untilTexts(each), ofAlice);
  assert.deepEqual([bobs.errors, alices.errors], [[], []]);
});

test("what is sent the moment a socket is open reaches it, also in a chat that is new", async () => {
  const bob = await newSocialPerson("Bob");
  const older = await open(bob);
  for (let i = 0; i < 5; i++) {
    const alice = await newSocialPerson("Alice");
    const early = new SocialClient(socketUrl, alice.token);
    const [chatId] = await Promise.all([chatOf(bob, alice.id), early.opened()]);
    older.send(chatId, `welcome ${i}`);
    assert.deepEqual(await early.untilTexts(1), [`welcome ${i}`]);
    early.send(chatId, `thanks ${i}`);
    assert.equal((await older.untilTexts(i + 1)).at(-1), `thanks ${i}`);
  }
});

test("a chat made by v2 is in the list of chats with the names of all", async () => {
  const bob = await newSocialPerson("Bob");
  const carol = await newPerson(parley.url, "Carol");
  const dave = await newPerson(parley.url, "Dave");
  const group = await carol.client.createChat({
    kind: "group",
    title: "Three",
    memberIds: [bob.id, dave.id],
  });
  await chatOf(bob, carol.id);
  const { body } = await ask("GET", "/messenger/chats?limit=1000", { token: bob.token });
  assert.deepEqual([body.total, body.limit, body.offset, body.chats.length], [2, 200, 0, 2]);
  const listed = body.chats.find((chat: { id: string }) => chat.id === group.id);
  const names = listed.participants.map((one: { name: string }) => one.name).sort();
  assert.deepEqual(names, ["Bob", "Carol", "Dave"]);
});

test("a session that ends takes its socket with it, and its token", async () => {
  const bob = await newSocialPerson("Bob");
  const socket = await open(bob);
  const response = await fetch(`${parley.url}/v2/auth/sign-out`, {
    method: "POST",
    headers: { authorization: `Bearer ${bob.token}`, "content-type": "application/json" },
    body: "{}",
  });
  assert.equal(response.status, 200);
  assert.equal((await socket.untilClosed()).code, 4403);
  const { status, body } = await ask("GET", "/messenger/chats", { token: bob.token });
  assert.deepEqual([status, body.code], [401, 401]);
});

describe("bad input", () => {
  test("opens no circuit, and is never a server's error", async () => {
    const [bob, stranger] = [await newSocialPerson("Bob"), await newSocialPerson("Stranger")];
    const foreign = await chatOf(stranger, (await newSocialPerson("Friend")).id);
    const requests: [string, string, Asked][] = [
      ["POST", "/auth/sign-up", { body: { email: bob.email, password } }],
      ["POST", "/auth/sign-up", { body: { email: "x@example.com", password: "x".repeat(300) } }],
      ["POST", "/auth/sign-up", { body: { email: "x@example.com", password, surname: "\u0007" } }],
      ["POST", "/auth/sign-up", { body: { email: "x@example.com", password, name: "n".repeat(101) } }],
      ["POST", "/auth/sign-up", { body: { email: "x@example.com", password, city: "c".repeat(1_001) } }],
      ["POST", "/auth/sign-up", { body: { email: `${"x".repeat(300)}@example.com`, password } }],
      ["POST", "/auth/sign-up", { body: [] }],
      ["POST", "/auth/sign-in", { body: { email: "e".repeat(10_000), password } }],
      ["POST", "/auth/sign-in", { body: { email: "\0", password: "\0" } }],
      ["PUT", "/auth/token", { body: { refresh_token: "r".repeat(10_000) } }],
      ["PUT", "/auth/token", { body: { refresh_token: {} } }],
      ["GET", `/auth/user?email=${"e".repeat(1_000)}`, { token: bob.token }],
      ["GET", "/auth/user?email=%00", { token: bob.token }],
      ["GET", "/messenger/chats?offset=4294967296", { token: bob.token }],
      ["GET", "/messenger/chats", { token: "t".repeat(9_000) }],
      ["GET", `/messenger/messages?chat_id=${foreign}`, { token: bob.token }],
      ["GET", `/messenger/messages?chat_id=${foreign}&limit=0`, { token: bob.token }],
      ["POST", "/messenger/chat", { token: bob.token, body: { companion_id: randomUUID() } }],
      [
        "POST",
        "/messenger/messages",
        { token: bob.token, body: { chat_id: foreign, messages: [{ text: "x" }] } },
      ],
      ["POST", "/messenger/messages", { token: bob.token, body: { chat_id: foreign, messages: {} } }],
    ];
    for (const [method, path, asked] of requests) {
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask(method, path, asked)));
      for (const { status, body } of answers) {
        assert.ok(status >= 400 && status < 500, `${method} ${path}: ${status} ${JSON.stringify(body)}`);
        assert.deepEqual([Object.keys(body), body.code], [["code", "message"], status]);
      }
    }
    const socket = await open(bob);
    for (let i = 0; i < 20; i++) {
      socket.send(foreign, "let me in");
      socket.send(foreign, "let me in", "x".repeat(20_000));
    }
    await socket.untilErrors(40);
    assert.deepEqual([...new Set(socket.errors.map((error) => error.code))].sort(), [400, 404]);
    assert.equal(socket.closed, undefined);

    await ask("POST", "/auth/sign-up", { body: { email: adminEmail, password } });
    const signedIn = await ask("POST", "/auth/sign-in", { body: { email: adminEmail, password } });
    const token = `Bearer ${signedIn.body.access_token}`;
    const { circuits } = (await ask("GET", "/v2/admin/circuits", { token })).body;
    assert.ok(circuits.length > 0);
    for (const { service, state } of circuits) assert.equal(state, "closed", service);
  });
});

test("who uses it is counted by route, and no token reaches the log", async () => {
  const bob = await newSocialPerson("Bob");
  await open(bob);
  await assert.rejects(SocialClient.open(socketUrl, `${bob.token}x`));
  const counted = async (labels: Record<string, string>) => {
    const scraped = parsePrometheus(await (await fetch(`${parley.opsUrl}/metrics`)).text());
    return scraped.total("parley_dialect_requests_total", { parley_dialect: "social", ...labels });
  };
  const socket = { http_route: "/messenger/ws", http_response_status_code: "101" };
  await until("the socket is counted", async () => (await counted(socket)) > 0);
  assert.ok((await counted({ http_route: "/auth/sign-up", http_response_status_code: "200" })) > 0);
  assert.ok(lines.length > 0);
  const tail = bob.token.slice(-20);
  assert.deepEqual(
    lines.filter((line) => line.includes(tail) || line.includes("token=")),
    [],
  );
});

test("a gateway that stops says so, and the next one has what was missed", async () => {
  const [bob, alice] = [await newSocialPerson("Bob"), await newSocialPerson("Alice")];
  const chatId = await chatOf(bob, alice.id);
  const [bobs, alices] = [await open(bob), await open(alice)];
  bobs.send(chatId, "before");
  await alices.untilTexts(1);
  await parley.stop();
  assert.deepEqual((await alices.untilClosed()).code, 1012);
  assert.deepEqual((await bobs.untilClosed()).code, 1012);

  const next = await startParley({ ...parley.environment });
  const url = socialUrlOf(next.url);
  const bobAgain = await SocialClient.open(url, bob.token);
  bobAgain.send(chatId, "while you were away");
  await until("it is stored", async () => (await history(bob, chatId, next.url)).length === 2);
  const aliceAgain = await SocialClient.open(url, alice.token);
  bobAgain.send(chatId, "welcome back");
  assert.deepEqual(await aliceAgain.untilTexts(1), ["welcome back"]);
  assert.deepEqual(
    (await history(alice, chatId, next.url)).map((message) => message.text),
    ["welcome back", "while you were away", "before"],
  );
});

test("it can be turned off", async () => {
  const without = await startParley({ ...parley.environment, PARLEY_DIALECTS: "kv,lab" });
  assert.equal((await ask("POST", "/auth/sign-in", { body: {}, url: without.url })).status, 404);
  const url = socialUrlOf(without.url);
  await assert.rejects(SocialClient.open(url, "token"));
});
