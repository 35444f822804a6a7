/** The same behaviour over every transport: results, tokens, and what works without one. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { DescMethodUnary, JsonValue } from "@bufbuild/protobuf";
import { AuthService } from "@parley/api/v2/auth";
import { MessengerService } from "@parley/api/v2/messenger";
import { SearchService } from "@parley/api/v2/search";
import { UserService } from "@parley/api/v2/user";
import { decodeJwt, SignJWT, UnsecuredJWT } from "jose";
import { parityCallers } from "#test/parity-callers.ts";
import { result, searchedTask, startParity } from "#test/parity-fixture.ts";
import { startParley } from "#test/parley.ts";
import { createAccount, password } from "#test/people.ts";

const { parley, callers, ada, ben, chatId: group } = await startParity();
const m = MessengerService.method;

for (const caller of callers) {
  test(`${caller.name}: a chat from its creation to its last event`, async () => {
    const as = (account: { token: string }) => (method: DescMethodUnary, params: JsonValue) =>
      result(caller, method, params, account.token);
    const [asAda, asBen] = [as(ada), as(ben)];
    const { chat } = await asAda(m.createChat, { kind: "group", title: "Plans", memberIds: [ben.id] });
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
    const { chat: changed } = await asAda(m.updateChat, { chatId, title: "Old plans", language: "de" });
    assert.deepEqual([changed.title, changed.language], ["Old plans", "de"]);
    await asBen(m.removeMember, { chatId, userId: ben.id });
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
    assert.deepEqual([user.id, user.email], [ada.id, ada.email]);
    const found = await result(caller, UserService.method.listUsers, { ids: [ben.id] }, ada.token);
    assert.deepEqual(
      found.users.map((one: { name: string }) => one.name),
      ["Ben"],
    );
  });
}

for (const caller of callers) {
  test(`${caller.name}: messages found at once, and by a task from its beginning to its end`, async () => {
    const s = SearchService.method;
    const found = await result(caller, s.search, { q: "known" }, ada.token);
    const ofHit = (hit: { message: { text: string } }) => hit.message.text;
    assert.deepEqual(found.hits.map(ofHit), ["known"]);
    assert.deepEqual(found.hits[0].fragments, [{ parts: [{ text: "known", match: true }] }]);
    const id = await searchedTask(caller, ada);
    const { task } = await result(caller, s.getSearchTask, { id }, ada.token);
    assert.deepEqual(
      [task.query, task.resultCount, task.partial, task.errorCode ?? ""],
      ["known", 1, false, ""],
    );
    const page = await result(caller, s.listSearchResults, { id }, ada.token);
    assert.deepEqual(page.hits.map(ofHit), ["known"]);
    assert.equal(page.nextCursor, undefined);
    await result(caller, s.deleteSearchTask, { id }, ada.token);
    const gone = await caller.call(s.getSearchTask, { id }, ada.token);
    assert.equal(gone?.error?.code, "search-task-not-found");
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

test("tokens that are expired, foreign, unsigned or of an ended session open nothing", async () => {
  const claims = decodeJwt(ada.token);
  const header = {
    alg: "EdDSA",
    kid: JSON.parse(Buffer.from(ada.token.split(".")[0]!, "base64url").toString()).kid,
  };
  const foreign = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const ended = await createAccount(parley.url, "Ended");
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
  const { token } = await createAccount(later.url, "Late");
  nowMs += 3_600_000;
  for (const caller of parityCallers(later)) {
    const answer = await caller.call(UserService.method.getMe, {}, token);
    assert.equal(answer?.error?.code, "token-expired", caller.name);
  }
});

test("without a token only public methods can be called", async () => {
  const isPublic = new Set<string>(["signUp", "signIn", "refresh", "getJwks"]);
  const services = [AuthService, UserService, MessengerService, SearchService];
  const methods = services.flatMap((service) => service.methods);
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
