/** The same behaviour over every transport: results, codes, fields, and what may be seen of others. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { DescMethodUnary, JsonValue } from "@bufbuild/protobuf";
import { AuthService } from "@parley/api/v2/auth";
import { MessengerService } from "@parley/api/v2/messenger";
import { UserService } from "@parley/api/v2/user";
import { decodeJwt, SignJWT, UnsecuredJWT } from "jose";
import type { errorKinds } from "#platform/errors.ts";
import { createAccount, type ParityCaller, parityCallers, password } from "#test/parity-callers.ts";
import { startParley } from "#test/parley.ts";

const parley = await startParley();
const callers = parityCallers(parley);
const ada = await createAccount(parley, "Ada");
const ben = await createAccount(parley, "Ben");
const eve = await createAccount(parley, "Eve");
const m = MessengerService.method;

/** The result, or a failed test. */
async function result(caller: ParityCaller, method: DescMethodUnary, params: JsonValue, token?: string) {
  const answer = await caller.call(method, params, token);
  assert.ok(answer?.result, `${caller.name} ${method.name}: ${JSON.stringify(answer)}`);
  return answer.result;
}

async function newGroup(): Promise<string> {
  const { chat } = await result(
    callers[0]!,
    m.createChat,
    { kind: "group", title: "Parity", memberIds: [ben.userId] },
    ada.token,
  );
  return chat.id;
}

const group = await newGroup();
const { message: known } = await result(
  callers[0]!,
  m.sendMessage,
  { chatId: group, clientId: "known", text: "known" },
  ada.token,
);

for (const caller of callers) {
  test(`${caller.name}: a chat from its creation to its last event`, async () => {
    const as = (account: { token: string }) => (method: DescMethodUnary, params: JsonValue) =>
      result(caller, method, params, account.token);
    const [asAda, asBen] = [as(ada), as(ben)];
    const { chat } = await asAda(m.createChat, { kind: "group", title: "Plans", memberIds: [ben.userId] });
    const chatId = chat.id;
    const sent = await asAda(m.sendMessage, { chatId, clientId: "c1", text: "Hello, Bén 👋" });
    assert.deepEqual(await asAda(m.sendMessage, { chatId, clientId: "c1", text: "Hello, Bén 👋" }), sent);
    const messageId = sent.message.id;
    const reply = await asBen(m.sendMessage, { chatId, clientId: "c1", text: "Hi", replyTo: messageId });
    assert.deepEqual([sent.message.no, reply.message.no, reply.message.replyTo], [1, 2, messageId]);
    await asAda(m.editMessage, { chatId, messageId, text: "Hello, Ben" });
    await asBen(m.addReaction, { chatId, messageId, emoji: "👍" });
    const { messages } = await asBen(m.listMessages, { chatId, limit: 10 });
    assert.deepEqual(
      messages.map((one: { text: string }) => one.text),
      ["Hello, Ben", "Hi"],
    );
    assert.deepEqual(messages[0].reactions, [{ emoji: "👍", count: 1, mine: true }]);
    assert.deepEqual(await asAda(m.markRead, { chatId, no: 2 }), { readNo: 2, unread: 0 });
    await asBen(m.removeReaction, { chatId, messageId, emoji: "👍" });
    await asBen(m.deleteMessage, { chatId, messageId: reply.message.id });
    await asAda(m.updateChat, { chatId, title: "Old plans" });
    await asBen(m.removeMember, { chatId, userId: ben.userId });
    const { events, lastSeq } = await asAda(m.listEvents, { chatId });
    const seqs = events.map((event: { seq: number }) => event.seq);
    assert.deepEqual(
      seqs,
      Array.from({ length: lastSeq }, (_, i) => i + 1),
    );
    const gone = await caller.call(m.getChat, { chatId }, ben.token);
    assert.equal(gone?.error?.code, "chat-not-found");
  });

  test(`${caller.name}: who the caller is`, async () => {
    const { user } = await result(caller, UserService.method.getMe, {}, ada.token);
    assert.deepEqual([user.id, user.email], [ada.userId, ada.email]);
    const found = await result(caller, UserService.method.listUsers, { ids: [ben.userId] }, ada.token);
    assert.deepEqual(
      found.users.map((one: { name: string }) => one.name),
      ["Ben"],
    );
  });
}

test("a send retried over another transport gives the first result, and one message", async () => {
  const params = { chatId: group, clientId: "retried", text: "once" };
  const answers = await Promise.all(
    callers.map((caller) => result(caller, m.sendMessage, params, ada.token)),
  );
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
});

test("all transports show the same page, chat and events", async () => {
  for (const [method, params] of [
    [m.listMessages, { chatId: group, limit: 5 }],
    [m.getChat, { chatId: group }],
    [m.listChats, {}],
    [m.listMembers, { chatId: group }],
    [m.listEvents, { chatId: group, after: 1 }],
    [AuthService.method.getJwks, {}],
  ] as [DescMethodUnary, JsonValue][]) {
    const answers = await Promise.all(callers.map((caller) => result(caller, method, params, ada.token)));
    for (const [i, answer] of answers.entries())
      assert.deepEqual(answer, answers[0], `${callers[i]!.name} ${method.name}`);
  }
});

interface Refusal {
  why: string;
  method: DescMethodUnary;
  params: JsonValue;
  code: keyof typeof errorKinds;
  fields?: string[];
  token?: string | undefined;
}

const id = randomUUID();
const send = { chatId: group, clientId: "bad", text: "x" };
const refusals: Refusal[] = [
  {
    why: "an unknown field",
    method: m.sendMessage,
    params: { ...send, txet: "x" },
    code: "invalid-input",
    fields: ["txet"],
  },
  {
    why: "a wrong type",
    method: m.sendMessage,
    params: { ...send, text: 5 },
    code: "invalid-input",
    fields: ["text"],
  },
  {
    why: "a missing field",
    method: m.sendMessage,
    params: { chatId: group },
    code: "invalid-input",
    fields: ["text"],
  },
  {
    why: "a blank text",
    method: m.sendMessage,
    params: { ...send, text: "  " },
    code: "invalid-input",
    fields: ["text"],
  },
  {
    why: "a text above the limit",
    method: m.sendMessage,
    params: { ...send, text: "é".repeat(8_193) },
    code: "invalid-input",
    fields: ["text"],
  },
  {
    why: "an edit above the limit",
    method: m.editMessage,
    params: { chatId: group, messageId: known.id, text: "é".repeat(8_193) },
    code: "invalid-input",
    fields: ["text"],
  },
  {
    why: "U+0000 in a text",
    method: m.sendMessage,
    params: { ...send, text: "a\0" },
    code: "invalid-input",
    fields: ["text"],
  },
  {
    why: "U+0000 in a cursor",
    method: m.listChats,
    params: { cursor: "a\0" },
    code: "invalid-input",
    fields: ["cursor"],
  },
  {
    why: "half of a surrogate pair",
    method: m.sendMessage,
    params: { ...send, text: "\ud800" },
    code: "invalid-input",
    fields: ["text"],
  },
  {
    why: "an overlong client id",
    method: m.sendMessage,
    params: { ...send, clientId: "x".repeat(65) },
    code: "invalid-input",
    fields: ["clientId"],
  },
  {
    why: "an id that is none",
    method: m.getChat,
    params: { chatId: "1" },
    code: "invalid-input",
    fields: ["chatId"],
  },
  {
    why: "an id in a list that is none",
    method: m.createChat,
    params: { kind: "group", memberIds: [ben.userId, "1"] },
    code: "invalid-input",
    fields: ["memberIds[1]"],
  },
  {
    why: "ids given twice",
    method: m.createChat,
    params: { kind: "group", memberIds: [ben.userId, ben.userId] },
    code: "invalid-input",
    fields: ["memberIds"],
  },
  {
    why: "a value that is none of the choices",
    method: m.createChat,
    params: { kind: "party" },
    code: "invalid-input",
    fields: ["kind"],
  },
  {
    why: "too many items",
    method: m.createChat,
    params: { kind: "group", memberIds: Array.from({ length: 1_001 }, () => randomUUID()) },
    code: "invalid-input",
    fields: ["memberIds"],
  },
  {
    why: "a negative cursor",
    method: m.listMessages,
    params: { chatId: group, before: -1 },
    code: "invalid-input",
    fields: ["before"],
  },
  {
    why: "a cursor above all numbers",
    method: m.listMessages,
    params: { chatId: group, after: 2 ** 32 },
    code: "invalid-input",
    fields: ["after"],
  },
  {
    why: "a cursor with a fraction",
    method: m.listMessages,
    params: { chatId: group, after: 1.5 },
    code: "invalid-input",
    fields: ["after"],
  },
  {
    why: "a cursor that nobody gave out",
    method: m.listChats,
    params: { cursor: "nonsense" },
    code: "invalid-input",
    fields: ["cursor"],
  },
  {
    why: "both directions at once",
    method: m.listMessages,
    params: { chatId: group, before: 5, after: 1 },
    code: "invalid-input",
    fields: [""],
  },
  {
    why: "a page that is too large",
    method: m.listMessages,
    params: { chatId: group, limit: 201 },
    code: "invalid-input",
    fields: ["limit"],
  },
  { why: "a chat that does not exist", method: m.getChat, params: { chatId: id }, code: "chat-not-found" },
  {
    why: "reading someone else's chat",
    method: m.listMessages,
    params: { chatId: group },
    code: "chat-not-found",
    token: eve.token,
  },
  {
    why: "the events of someone else's chat",
    method: m.listEvents,
    params: { chatId: group },
    code: "chat-not-found",
    token: eve.token,
  },
  {
    why: "writing to someone else's chat",
    method: m.sendMessage,
    params: send,
    code: "chat-not-found",
    token: eve.token,
  },
  {
    why: "editing in someone else's chat",
    method: m.editMessage,
    params: { chatId: group, messageId: known.id, text: "mine" },
    code: "chat-not-found",
    token: eve.token,
  },
  {
    why: "joining someone else's chat",
    method: m.addMembers,
    params: { chatId: group, userIds: [eve.userId] },
    code: "chat-not-found",
    token: eve.token,
  },
  {
    why: "editing someone else's message",
    method: m.editMessage,
    params: { chatId: group, messageId: known.id, text: "mine" },
    code: "forbidden",
    token: ben.token,
  },
  {
    why: "a message that does not exist",
    method: m.editMessage,
    params: { chatId: group, messageId: id, text: "x" },
    code: "message-not-found",
  },
  {
    why: "members that do not exist",
    method: m.createChat,
    params: { kind: "group", memberIds: [id] },
    code: "user-not-found",
    fields: ["memberIds[0]"],
  },
  {
    why: "an owner who leaves",
    method: m.removeMember,
    params: { chatId: group, userId: ada.userId },
    code: "owner-required",
  },
  {
    why: "a user who does not exist",
    method: UserService.method.getUser,
    params: { id },
    code: "user-not-found",
  },
  {
    why: "a session that does not exist",
    method: AuthService.method.revokeSession,
    params: { id },
    code: "session-not-found",
  },
  {
    why: "a wrong password",
    method: AuthService.method.signIn,
    params: { email: ada.email, password: "wrong" },
    code: "bad-credentials",
  },
  {
    why: "a made-up refresh token",
    method: AuthService.method.refresh,
    params: { refreshToken: "made-up" },
    code: "refresh-token-invalid",
  },
];

for (const { why, method, params, code, fields, token = ada.token } of refusals) {
  test(`${why}: ${code} over every transport, and nothing is written`, async () => {
    const before = await result(callers[0]!, m.listEvents, { chatId: group }, ada.token);
    for (const caller of callers) {
      const answer = await caller.call(method, params, token);
      if (answer === undefined && !caller.sendsAnyJson) continue;
      assert.equal(answer?.error?.code, code, `${caller.name}: ${JSON.stringify(answer)?.slice(0, 300)}`);
      if (fields) assert.deepEqual(answer.error.fields, fields, caller.name);
    }
    const after = await result(callers[0]!, m.listEvents, { chatId: group }, ada.token);
    assert.deepEqual(after, before);
  });
}

test("a huge cursor is the end", async () => {
  for (const caller of callers) {
    const page = await result(caller, m.listMessages, { chatId: group, after: 4_294_967_295 }, ada.token);
    assert.deepEqual(page.messages, [], caller.name);
  }
});

test("a million-element array is refused by its size", async () => {
  const params = { kind: "group", memberIds: Array.from({ length: 1_000_000 }, () => "x") };
  for (const caller of callers) {
    const answer = await caller.call(m.createChat, params, ada.token);
    assert.equal(answer?.error?.code, caller.name === "WebSocket" ? "closed" : "too-large", caller.name);
  }
});

test("tokens that are expired, foreign, unsigned or of an ended session open nothing", async () => {
  const claims = decodeJwt(ada.token);
  const header = {
    alg: "EdDSA",
    kid: JSON.parse(Buffer.from(ada.token.split(".")[0]!, "base64url").toString()).kid,
  };
  const foreign = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const ended = await createAccount(parley, "Ended");
  await result(callers[0]!, AuthService.method.signOut, {}, ended.token);
  const tokens = {
    foreign: await new SignJWT(claims).setProtectedHeader(header).sign((foreign as CryptoKeyPair).privateKey),
    unsigned: new UnsecuredJWT(claims).encode(),
    "without signature": `${ada.token.split(".").slice(0, 2).join(".")}.`,
    "signed with a secret": await new SignJWT(claims)
      .setProtectedHeader({ ...header, alg: "HS256" })
      .sign(Buffer.alloc(32)),
    ended: ended.token,
    nonsense: "nonsense",
  };
  for (const [why, token] of Object.entries(tokens)) {
    for (const caller of callers) {
      const answer = await caller.call(UserService.method.getMe, {}, token);
      assert.equal(answer?.error?.code, "unauthenticated", `${caller.name}, ${why}`);
    }
  }
});

test("an expired token is told so", async () => {
  let nowMs = Date.now();
  const later = await startParley({}, { clock: { now: () => nowMs } });
  const { token } = await createAccount(later, "Late");
  nowMs += 3_600_000;
  for (const caller of parityCallers(later)) {
    const answer = await caller.call(UserService.method.getMe, {}, token);
    assert.equal(answer?.error?.code, "token-expired", caller.name);
  }
});

test("without a token only public methods can be called", async () => {
  const isPublic = new Set<string>(["signUp", "signIn", "refresh", "getJwks"]);
  const methods = [AuthService, UserService, MessengerService].flatMap((service) => service.methods);
  for (const method of methods as DescMethodUnary[]) {
    if (isPublic.has(method.localName)) continue;
    for (const caller of callers) {
      const answer = await caller.call(method, {}, undefined);
      assert.equal(answer?.error?.code, "unauthenticated", `${caller.name} ${method.name}`);
    }
  }
});

test("accounts can be made, and signed in to, over every transport that works without a token", async () => {
  for (const caller of callers.filter(({ name }) => name !== "WebSocket")) {
    const email = `${randomUUID()}@example.com`;
    await result(caller, AuthService.method.signUp, { email, password, name: "New" });
    const { accessToken, user } = await result(caller, AuthService.method.signIn, { email, password });
    const me = await result(caller, UserService.method.getMe, {}, accessToken);
    assert.equal(me.user.id, user.id);
  }
});
