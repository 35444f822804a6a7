/** The old API before services made for the tests: what they are asked, and how their answers and failures look. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { beforeEach, describe, it } from "node:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { IdentityInternalService } from "@parley/api/internal/identity";
import { MessengerInternalService } from "@parley/api/internal/messenger";
import { parseRateLimit } from "#gateway/throttle/rate-limit.ts";
import { requireActor } from "#platform/actor.ts";
import { type ErrorCode, fault } from "#platform/errors.ts";
import { chatId, startGateway, strangerId, userId } from "#test/gateway.ts";

const peerId = "0b0b7e6e-0000-4000-8000-0000000000b2";

const asked = {
  registered: [] as object[],
  pages: [] as object[],
  accounts: [] as number[],
  sent: [] as string[],
};
let failure: ErrorCode | undefined;
let chatsOfGroups = 0;

const failIfTold = () => {
  if (failure) throw fault(failure);
};

function addServices(router: ConnectRouter) {
  router.service(IdentityInternalService, {
    listEndedSessions: () => ({}),
    findMissingUsers: ({ userIds }) => ({ userIds: userIds.filter((id) => id === strangerId) }),
    registerAccount: ({ $typeName, ...account }) => {
      failIfTold();
      asked.registered.push(account);
      return {};
    },
    startSession: ({ login, password }) => {
      failIfTold();
      if (login !== "bob@email.com" || password !== "1") throw fault("bad-credentials");
      return { accessToken: "access", refreshToken: "refresh", sessionId: "never told" };
    },
    listAccounts: ({ userIds }) => {
      failIfTold();
      asked.accounts.push(userIds.length);
      return {
        accounts: userIds.filter((id) => id !== peerId).map((id) => ({ userId: id, name: `name of ${id}` })),
      };
    },
  });
  router.service(MessengerInternalService, {
    listPositions: () => ({}),
    sendMessages: ({ sends }) => ({
      outcomes: sends.map(({ text, senderId }) => {
        asked.sent.push(text);
        if (text === "refused") return { errorCode: "invalid-input" };
        return { message: { id: text, chatId, text, senderId, no: asked.sent.length } };
      }),
    }),
    listChatPage: (page, context) => {
      requireActor(context);
      failIfTold();
      const direct = { chat: { id: chatId, createdAt: timestampFromMs(0) }, memberIds: [userId, peerId] };
      const groups = Array.from({ length: chatsOfGroups }, () => ({
        chat: { id: randomUUID(), createdAt: timestampFromMs(0) },
        memberIds: Array.from({ length: 100 }, () => randomUUID()),
      }));
      return { total: 70, chats: [direct, ...groups].slice(0, page.limit) };
    },
    listMessagePage: ({ $typeName, ...page }, context) => {
      failIfTold();
      requireActor(context);
      asked.pages.push(page);
      const message = (no: number, senderId: string, more = {}) => ({
        id: `m${no}`,
        chatId,
        no,
        senderId,
        text: `text ${no}`,
        createdAt: timestampFromMs(no),
        ...more,
      });
      const deletedAt = timestampFromMs(9);
      return {
        total: 7,
        readByOthers: 3,
        readByCaller: 4,
        messages: [
          message(7, userId, { deletedAt }),
          message(6, peerId, { deletedAt }),
          message(5, peerId),
          message(4, peerId),
          message(4, userId),
          message(3, userId),
        ],
      };
    },
  });
}

const gateway = await startGateway({ routes: addServices, circuits: { PARLEY_CIRCUIT_MIN_CALLS: 1_000 } });

async function ask(method: string, path: string, body?: unknown, token = gateway.token) {
  const headers = token ? { authorization: token } : {};
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(gateway.url + path, { method, headers, ...sent });
  // biome-ignore lint/suspicious/noExplicitAny: whatever the API answers
  return [response.status, (await response.json()) as any] as const;
}

beforeEach(() => {
  failure = undefined;
  chatsOfGroups = 0;
  for (const list of Object.values(asked)) list.length = 0;
});

describe("accounts", () => {
  it("are registered with what is said of them, and nothing else", async () => {
    const account = { email: "bob@email.com", password: "1", name: "Bob", surname: "Tallor" };
    const profile = {
      birthday: "1994-04-10T20:21:25+00:00",
      sex: "male",
      city: "New Yourk",
      interests: "go",
    };
    const sent = { ...account, ...profile, roles: ["admin"], login: "root" };
    assert.deepEqual(await ask("POST", "/auth/sign-up", sent, ""), [200, {}]);
    assert.deepEqual(asked.registered, [{ login: "", ...account, profile }]);
    assert.deepEqual(await ask("POST", "/auth/sign-up", { ...account, city: "", sex: null }, ""), [200, {}]);
    assert.deepEqual(asked.registered[1], { login: "", ...account, profile: {} });
  });

  it("are registered also by who shows a token that is no good", async () => {
    assert.equal((await ask("POST", "/auth/sign-up", { email: "a@b.c", password: "1" }, "nonsense"))[0], 200);
  });

  it("sign in by address and password, and get a pair", async () => {
    const pair = { access_token: "access", refresh_token: "refresh" };
    const signIn = (password: string) =>
      ask("POST", "/auth/sign-in", { email: "bob@email.com", password }, "");
    assert.deepEqual(await signIn("1"), [200, pair]);
    assert.deepEqual(await signIn("2"), [400, { code: 400, message: "Wrong email or password" }]);
    const [status, renewed] = await ask("PUT", "/auth/token", { refresh_token: "r" }, "");
    assert.deepEqual([status, Object.keys(renewed)], [200, ["access_token", "refresh_token"]]);
  });

  it("are taken when they are taken", async () => {
    failure = "account-exists";
    const [status, body] = await ask("POST", "/auth/sign-up", { email: "a@b.c", password: "1" }, "");
    assert.deepEqual([status, body], [400, { code: 400, message: "There is such an account already" }]);
  });
});

describe("chats", () => {
  it("are listed with the names of those who are in them, also of those who are gone", async () => {
    assert.deepEqual(await ask("GET", "/messenger/chats?limit=1&offset=7"), [
      200,
      {
        total: 70,
        limit: 1,
        offset: 7,
        chats: [
          {
            id: chatId,
            create_time: "1970-01-01T00:00:00Z",
            participants: [
              { id: userId, name: `name of ${userId}`, surname: "" },
              { id: peerId, name: "", surname: "" },
            ],
          },
        ],
      },
    ]);
    assert.deepEqual(asked.accounts, [2]);
  });

  it("of many people ask identity for no more names at once than it answers", async () => {
    chatsOfGroups = 25;
    const [, { chats }] = await ask("GET", "/messenger/chats");
    assert.deepEqual(asked.accounts, [1_000, 1_000, 502]);
    assert.ok(chats[25].participants[99].name.startsWith("name of "));
  });

  it("are not made with nobody, or with oneself", async () => {
    const make = (companion_id: unknown) => ask("POST", "/messenger/create-chat", { companion_id });
    assert.deepEqual(await make(peerId), [200, { chat_id: chatId }]);
    for (const nobody of [strangerId, userId, userId.toUpperCase(), "", 7, null, [peerId]]) {
      const [status, body] = await make(nobody);
      assert.deepEqual([status, body.code], [400, 400], String(nobody));
      assert.match(body.message, /^companion_id: /);
    }
  });
});

describe("messages", () => {
  it("have a status that says what became of them", async () => {
    const [, page] = await ask("GET", `/messenger/messages?chat_id=${chatId}&offset=2&limit=5000`);
    assert.deepEqual([page.total, page.limit, page.offset], [7, 1_000, 2]);
    assert.deepEqual(asked.pages, [{ chatId, limit: 1_000, offset: 2 }]);
    assert.deepEqual(
      page.messages.map((one: Record<string, string>) => [one.id, one.status, one.text, one.user_id]),
      [
        ["m7", "deleted", "", userId],
        ["m6", "deleted", "", peerId],
        ["m5", "received", "text 5", peerId],
        ["m4", "read", "text 4", peerId],
        ["m4", "created", "text 4", userId],
        ["m3", "read", "text 3", userId],
      ],
    );
    assert.equal(page.messages[2].create_time, "1970-01-01T00:00:00.005Z");
  });

  it("are sent in their order, up to the first that is refused", async () => {
    const send = (...texts: string[]) =>
      ask("POST", "/messenger/messages", { chat_id: chatId, messages: texts.map((text) => ({ text })) });
    const [status, sent] = await send("one", "two");
    assert.equal(status, 200);
    assert.deepEqual(
      sent.messages.map((one: Record<string, string>) => [one.id, one.status, one.user_id]),
      [
        ["one", "created", userId],
        ["two", "created", userId],
      ],
    );
    asked.sent.length = 0;
    assert.equal((await send("one", "refused", "three"))[0], 400);
    assert.deepEqual(asked.sent, ["one", "refused"]);
  });

  it("are not sent at all when one of them can never be", async () => {
    const send = (messages: unknown[], chat_id: string = chatId) =>
      ask("POST", "/messenger/messages", { chat_id, messages });
    const good = { text: "one" };
    const never = [" \n", "", "x".repeat(16_385), "я".repeat(8_193), "a\0b", "\ud800", 7, null, ["x"]];
    for (const text of never) {
      const [status, body] = await send([good, { text }, good]);
      assert.deepEqual([status, body.code], [400, 400], JSON.stringify(text)?.slice(0, 20));
    }
    for (const message of [null, "x", {}, { ...good, status: "sent" }])
      assert.equal((await send([good, message]))[0], 400, JSON.stringify(message));
    assert.equal((await send([good], "my chat"))[0], 400);
    assert.deepEqual(asked.sent, []);
    assert.equal((await send([good, { text: "x".repeat(16_384) }]))[0], 200);
    assert.equal(asked.sent.length, 2);
  });
});

it("counts each message of a request as a send", async () => {
  const config = { PARLEY_LIMIT_SEND: parseRateLimit("1/h burst 3") };
  const strict = await startGateway({ routes: addServices, config });
  const messages = ["one", "two", "three", "four", "five"].map((text) => ({ text }));
  const response = await fetch(`${strict.url}/messenger/messages`, {
    method: "POST",
    headers: { authorization: strict.token },
    body: JSON.stringify({ chat_id: chatId, messages }),
  });
  assert.deepEqual([response.status, (await response.json()).code], [429, 429]);
  assert.deepEqual(asked.sent, ["one", "two", "three"]);
  assert.ok(Number(response.headers.get("retry-after")) > 0);
});

describe("a request", () => {
  it("without a token, or with one that is no good, is refused", async () => {
    for (const token of [
      "",
      "nonsense",
      "Basic YTpi",
      `session_id ${"0".repeat(32)}`,
      `${gateway.token} x`,
    ]) {
      const [status, body] = await ask("GET", "/messenger/chats", undefined, token);
      assert.deepEqual([status, body.code, Object.keys(body)], [401, 401, ["code", "message"]], token);
    }
    assert.equal((await ask("GET", "/messenger/chats", undefined, `Bearer ${gateway.token}`))[0], 200);
  });

  it("takes no cookie for a token", async () => {
    const headers = { cookie: `octo_handler_user=${gateway.token}; parley_access_token=${gateway.token}` };
    const response = await fetch(`${gateway.url}/messenger/chats?token=${gateway.token}`, { headers });
    assert.equal(response.status, 401);
  });

  it("that is too large is refused before it has come", async () => {
    const headers = { "content-length": 3_000_000 };
    const request = httpRequest(`${gateway.url}/auth/sign-up`, { method: "POST", headers });
    request.flushHeaders();
    const [response] = await once(request, "response", { signal: AbortSignal.timeout(5_000) });
    const body = JSON.parse(Buffer.concat(await response.toArray()).toString());
    request.destroy();
    assert.deepEqual([response.statusCode, body.code, Object.keys(body)], [413, 413, ["code", "message"]]);
  });

  for (const [code, status] of [
    ["unavailable", 503],
    ["circuit-open", 503],
    ["timeout", 504],
  ] as const) {
    it(`is told in the old shape that a service fails: ${code}`, async () => {
      failure = code;
      for (const answer of [
        await ask("POST", "/auth/sign-in", { email: "bob@email.com", password: "1" }, ""),
        await ask("POST", "/auth/sign-up", { email: "bob@email.com", password: "1" }, ""),
        await ask("GET", "/messenger/chats"),
        await ask("GET", `/messenger/messages?chat_id=${chatId}`),
      ]) {
        assert.deepEqual(
          [answer[0], answer[1].code, Object.keys(answer[1])],
          [status, status, ["code", "message"]],
        );
      }
    });
  }
});
