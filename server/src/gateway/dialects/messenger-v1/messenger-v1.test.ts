/** The old API before services made for the tests: what they are asked, and how their answers and failures look. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ErrorCode } from "#platform/errors.ts";
import { addServices, key, taskId, told } from "#test/fake-messenger-v1.ts";
import { chatId, startGateway, strangerId, userId } from "#test/gateway.ts";

const gateway = await startGateway({ routes: addServices });

interface Asked {
  json?: unknown;
  raw?: string;
  authorization?: string | null;
}

async function ask(
  method: string,
  path: string,
  { json, raw, authorization = `session_id ${key}` }: Asked = {},
) {
  const response = await fetch(gateway.url + path, {
    method,
    headers: authorization === null ? {} : { authorization },
    body: raw ?? (json === undefined ? null : JSON.stringify(json)),
  });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: looked into by tests
  return { status: response.status, headers: response.headers, body: text && (JSON.parse(text) as any) };
}

const answer = async (...asked: Parameters<typeof ask>) => {
  const { status, body } = await ask(...asked);
  return [status, body];
};

const bad = [400, { message: "bad-parameters" }];
const unauthenticated = [401, { message: "unauthenticated" }];

async function whenFailing<T>(failure: ErrorCode, run: () => Promise<T>): Promise<T> {
  told.failure = failure;
  try {
    return await run();
  } finally {
    told.failure = undefined;
  }
}

describe("accounts of messenger-v1", () => {
  const account = { user_name: "anna", password: "p" };

  it("are registered, with a password as short as they have it", async () => {
    assert.deepEqual(await answer("POST", "/v1/auth/register", { json: account, authorization: null }), [
      201,
      {},
    ]);
    assert.deepEqual(told.registered.at(-1), { login: "anna", password: "p" });
  });

  it("are refused as bad-parameters, whatever it is that is wrong", async () => {
    const register = (asked: Asked) => answer("POST", "/v1/auth/register", { ...asked, authorization: null });
    assert.deepEqual(await whenFailing("account-exists", () => register({ json: account })), bad);
    assert.deepEqual(await whenFailing("invalid-input", () => register({ json: account })), bad);
    for (const json of [
      {},
      { user_name: "anna" },
      { ...account, user_name: ["anna"] },
      { ...account, user_name: "a\nb" },
      { ...account, user_name: "a\ud800" },
      [],
      "anna",
      null,
    ])
      assert.deepEqual(await register({ json }), bad, JSON.stringify(json));
    for (const raw of ["", "{", "user_name=anna&password=p", "\xff"])
      assert.deepEqual(await register({ raw }), bad, raw);
    assert.deepEqual(await register({ raw: `"${"x".repeat(3_000_000)}"` }), bad);
  });

  it("sign in, and are told only that it was wrong", async () => {
    const login = (json: object) => answer("POST", "/v1/auth/login", { json, authorization: null });
    assert.deepEqual(await login(account), [200, { session_id: key }]);
    assert.deepEqual(await login({ ...account, user_name: "bob" }), [401, { message: "bad-credentials" }]);
    assert.deepEqual(await login({ user_name: "anna" }), bad);
  });

  it("are told when identity is away, and as that", async () => {
    const failed = await whenFailing("overloaded", () => ask("POST", "/v1/auth/login", { json: account }));
    assert.deepEqual([failed.status, failed.body], [503, { message: "overloaded" }]);
  });
});

describe("the session id", () => {
  const withHeader = (authorization: string | null) =>
    answer("POST", "/v1/chats", { json: { chat_name: "some chat" }, authorization });

  it("stands after its scheme, in any case", async () => {
    assert.equal((await withHeader(`session_id ${key}`))[0], 201);
    assert.equal((await withHeader(`Session_ID   ${key.toUpperCase()} `))[0], 201);
  });

  it("is refused bare, as another scheme's, with anything else about it, and when it is missing", async () => {
    for (const header of [
      null,
      key,
      `Bearer ${key}`,
      `session_id ${key}0`,
      `session_id ${gateway.token}`,
      `Bearer ${gateway.token}`,
      "session_id",
      "Basic YTpi",
    ])
      assert.deepEqual(await withHeader(header), unauthenticated, header ?? "none");
  });

  it("is good for nothing after the logout", async () => {
    assert.equal((await withHeader(`session_id ${key}`))[0], 201);
    assert.equal((await ask("POST", "/v1/auth/logout")).status, 200);
    assert.deepEqual(await withHeader(`session_id ${key}`), unauthenticated);
    told.isOver = false;
  });
});

describe("chats of messenger-v1", () => {
  it("are made and joined", async () => {
    assert.deepEqual(await answer("POST", "/v1/chats", { json: { chat_name: "some chat" } }), [
      201,
      { chat_id: chatId },
    ]);
    assert.deepEqual(await answer("POST", `/v1/chats/${chatId}/users`, { json: { user_name: "Anna" } }), [
      201,
      { user_id: userId },
    ]);
  });

  it("are not found by what is no id, or another's", async () => {
    for (const id of ["1", "search", encodeURIComponent("a b/c"), strangerId])
      assert.deepEqual(
        await answer("POST", `/v1/chats/${id}/users`, { json: { user_name: "Anna" } }),
        [404, { message: "chat-not-found" }],
        id,
      );
  });

  it("take no name with control characters", async () => {
    assert.deepEqual(await answer("POST", "/v1/chats", { json: { chat_name: "a\u0007b" } }), bad);
    assert.deepEqual(await answer("POST", `/v1/chats/${chatId}/users`, { json: { user_name: "a\tb" } }), bad);
  });
});

describe("messages of messenger-v1", () => {
  const path = `/v1/chats/${chatId}/messages`;

  it("are sent by the caller alone", async () => {
    const send = (query: string, message: unknown = "Hello") =>
      answer("POST", path + query, { json: { message } });
    assert.deepEqual(await send(`?user_id=${userId}`), [201, { message_id: "message of Hello" }]);
    assert.equal((await send(`?user_id=${userId.toUpperCase()}`))[0], 201);
    assert.deepEqual(await send(`?user_id=${strangerId}`), [404, { message: "user-not-found" }]);
    assert.deepEqual(await send("?user_id=me"), [404, { message: "user-not-found" }]);
    assert.deepEqual(await send(""), bad);
    for (const message of ["", "too long", 5, null, { text: "x" }])
      assert.deepEqual(await send(`?user_id=${userId}`, message), bad);
  });

  it("are paged through to the end, without those that were deleted", async () => {
    const texts: string[] = [];
    let pages = 0;
    for (let from = ""; pages < 10; ) {
      const { status, body } = await ask("GET", `${path}?limit=4${from}`);
      assert.equal(status, 200);
      texts.push(...body.messages.map(({ text }: { text: string }) => text));
      pages += 1;
      if (!body.next) break;
      from = `&from=${body.next.iterator}`;
    }
    assert.equal(pages, 3);
    assert.deepEqual(
      texts,
      [10, 8, 7, 5, 4, 2, 1].map((seq) => `text ${seq}`),
    );
  });

  it("are refused for a limit or an iterator that cannot be", async () => {
    for (const limit of ["0", "1001", "-1", "1.5", "ten", "1e2", "99999999999"])
      assert.deepEqual(await answer("GET", `${path}?limit=${limit}`), bad, limit);
    const foreign = Buffer.from("shown 1 abc").toString("base64url");
    for (const from of ["garbage", "0", foreign, `${Buffer.from("before 5").toString("base64url")}=`, "%00"])
      assert.deepEqual(await answer("GET", `${path}?from=${from}`), bad, from);
    const far = Buffer.from("before 9999999999").toString("base64url");
    assert.equal((await ask("GET", `${path}?limit=1&from=${far}`)).status, 200);
    assert.equal((await ask("GET", `${path}?limit=1000&from=`)).body.messages.length, 7);
  });

  it("say what the messenger says, in the old words", async () => {
    for (const [code, wanted] of [
      ["chat-not-found", [404, { message: "chat-not-found" }]],
      ["member-not-found", [404, { message: "user-not-found" }]],
      ["forbidden", [403, { message: "forbidden" }]],
      ["owner-required", bad],
      ["too-many-requests", [429, { message: "too-many-requests" }]],
      ["unavailable", [503, { message: "unavailable" }]],
      ["timeout", [504, { message: "timeout" }]],
    ] as const)
      assert.deepEqual(await whenFailing(code, () => answer("GET", path)), wanted, code);
  });
});

describe("search of messenger-v1", () => {
  const search = (message: unknown) => answer("POST", "/v1/chats/search", { json: { message } });
  const results = (query = "") => ask("GET", `/v1/chats/search/${taskId}/messages${query}`);

  it("looks for the phrase's words, also when they are spelt nearly so", async () => {
    assert.deepEqual(await search('from:anna "the whale'), [201, { task_id: taskId }]);
    assert.deepEqual(told.queries.at(-1), { query: "from anna the whale ", fuzzy: true });
  });

  it("takes phrases of four characters and more, from who has a chat", async () => {
    const asked = told.queries.length;
    for (const message of ["abc", "", "   abc  ", "....", "x".repeat(1_001), 5])
      assert.deepEqual(await search(message), bad);
    told.chats = 0;
    assert.deepEqual(await search("abcd"), [404, { message: "chat-not-found" }]);
    told.chats = 1;
    assert.equal(told.queries.length, asked);
    assert.deepEqual(await whenFailing("too-many-search-tasks", () => search("abcd")), [
      429,
      { message: "too-many-requests" },
    ]);
  });

  it("has a status, in the old words", async () => {
    for (const [status, wanted] of [
      ["waiting", "WAITING"],
      ["running", "IN_PROCESS"],
      ["done", "SUCCESS"],
      ["failed", "FAILED"],
    ] as const) {
      told.taskStatus = status;
      assert.deepEqual(await answer("GET", `/v1/chats/search/status/${taskId}`), [200, { status: wanted }]);
    }
    told.taskStatus = "done";
  });

  it("knows no task that is somebody else's, or none", async () => {
    const unknown = [404, { message: "task-not-found" }];
    for (const id of [strangerId, "1"]) {
      assert.deepEqual(await answer("GET", `/v1/chats/search/status/${id}`), unknown);
      assert.deepEqual(await answer("GET", `/v1/chats/search/${id}/messages`), unknown);
    }
  });

  it("shows nothing before it is done", async () => {
    told.taskStatus = "running";
    const { status, body, headers } = await results();
    assert.deepEqual([status, body, headers.get("retry-after")], [200, { messages: [] }, null]);
    told.taskStatus = "done";
  });

  it("shows at most a hundred messages, page by page", async () => {
    for (const [found, shown] of [
      [0, 0],
      [99, 99],
      [100, 100],
      [250, 100],
    ] as const) {
      told.found = found;
      assert.equal((await results("?limit=1000")).body.messages.length, shown);
      assert.equal((await results()).body.next, undefined);
      const texts: string[] = [];
      for (let from = ""; texts.length <= 200; ) {
        const { body } = await results(`?limit=30${from}`);
        assert.ok(body.messages.length <= 30);
        texts.push(...body.messages.map(({ text }: { text: string }) => text));
        if (!body.next) break;
        from = `&from=${body.next.iterator}`;
      }
      assert.deepEqual(
        texts,
        Array.from({ length: shown }, (_, i) => `hit ${i}`),
      );
    }
  });

  it("refuses a limit or an iterator that cannot be", async () => {
    const foreign = Buffer.from("before 3").toString("base64url");
    const tooFar = Buffer.from("shown 100 abc").toString("base64url");
    for (const query of ["?limit=0", "?limit=1001", "?from=garbage", `?from=${foreign}`, `?from=${tooFar}`]) {
      const { status, body } = await results(query);
      assert.deepEqual([status, body], bad, query);
    }
  });
});

describe("the pings", () => {
  it("say that the server is there", async () => {
    assert.deepEqual(await answer("GET", "/ping", { authorization: "whatever" }), [200, ""]);
    assert.deepEqual(await answer("GET", "/ping_db"), [200, ""]);
  });

  it("say that a database is away", async () => {
    assert.deepEqual(await whenFailing("unavailable", () => answer("GET", "/ping_db")), [
      503,
      { message: "unavailable" },
    ]);
    assert.equal((await ask("GET", "/ping")).status, 200);
  });
});
