/** Search as people meet it: a whole Parley, over REST, gRPC and WebSocket. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { SearchHitJson, SearchTaskJson } from "@parley/api/v2/search";
import { SearchService } from "@parley/api/v2/search";
import { startParley } from "#test/parley.ts";
import { type Account, createAccount } from "#test/people.ts";
import { SocketClient } from "#test/socket-client.ts";
import { until } from "#test/until.ts";

// One of these tests is about the limit; what it lets pass hardly depends on how long a thousand requests take.
const parley = await startParley({ PARLEY_LIMIT_SEARCH: "1/s burst 100" });
const [ada, ben, eve] = (await Promise.all(
  ["Ada", "Benedict", "Eve"].map((name) => createAccount(parley.url, name)),
)) as [Account, Account, Account];

interface Asked {
  method?: string;
  body?: object;
}

async function ask({ token }: Account, path: string, { method = "GET", body }: Asked = {}) {
  const response = await fetch(`${parley.url}/v2${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body ? { "content-type": "application/json" } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

async function must(account: Account, path: string, asked: Asked = {}) {
  const answer = await ask(account, path, asked);
  assert.equal(answer.status, 200, `${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const textsOf = (hits: SearchHitJson[] = []) => hits.map(({ message }) => message?.text);
const find = async (account: Account, q: string, limit = 20) =>
  textsOf((await must(account, `/search?limit=${limit}&q=${encodeURIComponent(q)}`)).hits);

async function newChat(owner: Account, members: Account[], title = "A chat"): Promise<string> {
  const body = { kind: "group", title, memberIds: members.map(({ id }) => id) };
  return (await must(owner, "/chats", { method: "POST", body })).chat.id;
}

async function send(account: Account, chatId: string, text: string) {
  const body = { clientId: randomUUID(), text };
  return (await must(account, `/chats/${chatId}/messages`, { method: "POST", body })).message;
}

async function newTask(account: Account, query: string): Promise<SearchTaskJson> {
  return (await must(account, "/search-tasks", { method: "POST", body: { query } })).task;
}

async function ended(account: Account, id = ""): Promise<SearchTaskJson> {
  let task: SearchTaskJson = {};
  await until(
    () => `the end of a search task: ${JSON.stringify(task)}`,
    async () => {
      task = (await must(account, `/search-tasks/${id}`)).task;
      return task.status === "done" || task.status === "failed";
    },
  );
  return task;
}

async function allResults(account: Account, id = "", limit = 50): Promise<(string | undefined)[]> {
  const texts: (string | undefined)[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const page = await must(account, `/search-tasks/${id}/results?limit=${limit}&cursor=${cursor}`);
    texts.push(...textsOf(page.hits));
    cursor = page.nextCursor;
  }
  return texts;
}

describe("a search at once", () => {
  it("finds a message by the first search after its send was acknowledged", async () => {
    const chatId = await newChat(ada, [ben]);
    for (let count = 0; count < 20; count++) {
      const word = `zebra${randomUUID().slice(0, 8)}`;
      await send(ada, chatId, `a ${word} at last`);
      assert.deepEqual(await find(ben, word), [`a ${word} at last`]);
    }
  });

  it("keeps to one's own chats, as they are now", async () => {
    const chatId = await newChat(ada, [ben], "The aquarium");
    const { id } = await send(ada, chatId, "a manatee swims");
    assert.deepEqual(await find(ben, "manatee"), ["a manatee swims"]);
    assert.deepEqual(await find(eve, "manatee"), []);
    assert.deepEqual(await find(eve, `manatee in:${chatId}`), []);
    await must(ada, `/chats/${chatId}/messages/${id}`, { method: "PATCH", body: { text: "a dugong swims" } });
    assert.deepEqual(await find(ben, "manatee"), []);
    assert.deepEqual(await find(ben, "dugong in:aquarium"), ["a dugong swims"]);
    await must(ada, `/chats/${chatId}/members/${ben.id}`, { method: "DELETE" });
    assert.deepEqual(await find(ben, "dugong"), []);
    await must(ada, `/chats/${chatId}/messages/${id}`, { method: "DELETE" });
    assert.deepEqual(await find(ada, "dugong"), []);
  });

  it("knows who wrote, where and when", async () => {
    const [first, second] = [await newChat(ada, [ben], "Mountains"), await newChat(ada, [ben], "Rivers")];
    const early = await send(ada, first, "gneiss by ada");
    const late = await send(ben, second, "gneiss by ben");
    // Of the first of them: midnight may be between them, or has come by now.
    const thatDay = early.createdAt.slice(0, 10);
    assert.deepEqual(await find(ada, "gneiss from:me"), ["gneiss by ada"]);
    for (const who of ["benedict", ben.id, ben.email, '"Benedict"']) {
      assert.deepEqual(await find(ada, `gneiss from:${who}`), ["gneiss by ben"], who);
    }
    assert.deepEqual(await find(ada, "gneiss in:rivers"), ["gneiss by ben"]);
    assert.deepEqual((await find(ada, "gneiss in:rivers in:mountains")).length, 2);
    assert.deepEqual(await find(ada, `gneiss before:${late.createdAt}`), ["gneiss by ada"]);
    assert.deepEqual(await find(ada, `gneiss before:${thatDay}`), []);
    assert.deepEqual((await find(ada, "gneiss after:2020-01-01")).length, 2);
    assert.deepEqual(await find(ada, "gneiss -ben"), ["gneiss by ada"]);
    assert.deepEqual(await find(ada, "gneiss has:attachment"), []);
    assert.deepEqual(await find(ada, "gneiss from:nobodyatall"), []);
  });

  it("takes whatever people type", async () => {
    for (const q of [
      ...[
        "' OR 1=1 --",
        "a & b | !c <-> (d",
        ":* \\ %_ x y",
        "\u202eabc\u202c \u200bdef",
        '"unbalanced quo',
        "foo:bar 12:30",
      ],
      ...[
        "https://example.org/?a=b&c=d#e",
        "🦓🦓",
        "한국어",
        "東京 大阪",
        "\u0301\u0301 ab",
        "x'y\"z",
        "null undefined",
      ],
    ]) {
      const { status, body } = await ask(ada, `/search?q=${encodeURIComponent(q)}`);
      assert.equal(status, 200, `${q}: ${JSON.stringify(body)}`);
    }
    const tooLong = await ask(ada, `/search?q=${"x".repeat(10_240)}`);
    assert.deepEqual([tooLong.status, tooLong.body.code], [400, "invalid-input"]);
    const tooShort = await ask(ada, "/search?q=x");
    assert.deepEqual([tooShort.status, tooShort.body.violations[0].field], [400, "q"]);
    assert.match(tooShort.body.detail, /at least 2 letters/);
  });
});

describe("a search task", () => {
  it("is pushed when it ends, and read in pages, the newest first", async () => {
    const chatId = await newChat(ada, [ben]);
    const sent: string[] = [];
    for (let count = 0; count < 60; count++)
      sent.push((await send(ada, chatId, `okapi number ${count}`)).text);
    const socket = await SocketClient.open(parley.wsUrl, ben.token);
    const other = await SocketClient.open(parley.wsUrl, ada.token);
    await Promise.all([socket.resume(), other.resume()]);
    const task = await newTask(ben, "okapi");
    const told = () => socket.events.filter(({ kind }) => kind === "search");
    await until("the push", () => told().length > 0);
    assert.deepEqual(told()[0]!.search, { id: task.id, status: "done", resultCount: 60, partial: false });
    assert.equal((await must(ben, `/search-tasks/${task.id}`)).task.status, "done");
    assert.deepEqual(await allResults(ben, task.id, 7), sent.toReversed());
    assert.equal((await ask(ada, `/search-tasks/${task.id}`)).status, 404);
    assert.equal(told().length, 1);
    assert.equal(other.events.filter(({ kind }) => kind === "search").length, 0);
  });

  it("is the same over gRPC", async () => {
    const { createSearchTask, getSearchTask } = createClient(
      SearchService,
      createGrpcTransport({ baseUrl: parley.grpcUrl }),
    );
    const headers = { authorization: `Bearer ${ada.token}` };
    const { task } = await createSearchTask({ query: "okapi" }, { headers });
    await until(
      "its end",
      async () => (await getSearchTask({ id: task!.id }, { headers })).task?.status === "done",
    );
    assert.equal((await ended(ada, task!.id)).resultCount, 60);
  });

  it("shows messages as they are when they are read, of chats that one is in then", async () => {
    const [kept, left] = [await newChat(ada, [ben]), await newChat(ada, [ben])];
    const [edited, deleted] = [await send(ada, kept, "quokka one"), await send(ada, kept, "quokka two")];
    await send(ada, kept, "quokka three");
    for (let count = 0; count < 10; count++) await send(ada, left, `quokka left ${count}`);
    const task = await ended(ben, (await newTask(ben, "quokka")).id);
    assert.equal(task.resultCount, 13);
    const path = `/chats/${kept}/messages`;
    await must(ada, `${path}/${edited.id}`, { method: "PATCH", body: { text: "wombat one" } });
    await must(ada, `${path}/${deleted.id}`, { method: "DELETE" });
    await must(ada, `/chats/${left}/members/${ben.id}`, { method: "DELETE" });
    assert.deepEqual(await allResults(ben, task.id), ["quokka three"]);
    const firstPage = await must(ben, `/search-tasks/${task.id}/results?limit=2`);
    assert.deepEqual(textsOf(firstPage.hits), ["quokka three"], "no empty page while there is more");
    await must(ada, `/chats/${left}/members`, { method: "POST", body: { userIds: [ben.id] } });
    assert.equal((await allResults(ben, task.id)).length, 11);
  });

  it("keeps its query as it was written, and can be deleted", async () => {
    const query = '  "Okapi" FROM:me\t-x ';
    const task = await newTask(ada, query);
    assert.equal(task.query, query);
    await must(ada, `/search-tasks/${task.id}`, { method: "DELETE" });
    assert.equal((await ask(ada, `/search-tasks/${task.id}`)).body.code, "search-task-not-found");
    assert.equal((await ask(ada, `/search-tasks/${task.id}/results`)).status, 404);
  });

  it("is refused to somebody who asks for a thousand, and everything else goes on", async () => {
    const flood = await createAccount(parley.url, "Flood");
    const chatId = await newChat(flood, [ada]);
    const answers: Awaited<ReturnType<typeof ask>>[] = [];
    // As many connections as a busy machine opens within the time that the server gives them.
    while (answers.length < 1_000) {
      const asked = Array.from({ length: 200 }, () =>
        ask(flood, "/search-tasks", { method: "POST", body: { query: "okapi" } }),
      );
      answers.push(...(await Promise.all(asked)));
    }
    const kinds = new Map<string, number>();
    for (const { status, body, headers } of answers) {
      const kind = status === 200 ? "accepted" : `${status} ${body.code}`;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      if (status === 429) assert.ok(Number(headers.get("retry-after")) > 0);
    }
    assert.deepEqual(
      [...kinds.keys()].filter(
        (kind) => !["accepted", "429 too-many-requests", "429 too-many-search-tasks"].includes(kind),
      ),
      [],
      JSON.stringify([...kinds]),
    );
    assert.ok(kinds.get("429 too-many-requests")! >= 800, JSON.stringify([...kinds]));
    await send(flood, chatId, "still here");
    assert.deepEqual(await find(ada, "still here"), ["still here"]);
    for (const { status, body } of answers) {
      if (status === 200) assert.equal((await ended(flood, body.task.id)).status, "done");
    }
  });

  it("is forgotten after its time", async () => {
    const short = await startParley({ PARLEY_SEARCH_TASK_EXPIRY_MS: "1000" });
    const { token } = await createAccount(short.url, "Short");
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const created = await fetch(`${short.url}/v2/search-tasks`, {
      method: "POST",
      headers,
      body: JSON.stringify({ query: "okapi" }),
    });
    assert.equal(created.status, 200);
    const { task } = (await created.json()) as { task: SearchTaskJson };
    const status = async () => (await fetch(`${short.url}/v2/search-tasks/${task.id}`, { headers })).status;
    await until("it is gone", async () => (await status()) === 404);
  });
});
