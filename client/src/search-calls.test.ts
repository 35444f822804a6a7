/** Searches and their tasks, against a server that is slow, refuses, and loses events. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, mock, test } from "node:test";
import { type ProtocolServer, startProtocolServer } from "../test/protocol-server.ts";
import { until } from "../test/until.ts";
import { createParleyClient, type ParleyClient, type SearchTask } from "./client.ts";

const taskId = "0b0b7e6e-0000-4000-8000-00000000c4a7";
const taskPath = `/v2/search-tasks/${taskId}`;
const credentials = { email: "ada@example.org", password: "correct horse" };

let server: ProtocolServer;
let client: ParleyClient;

before(async () => {
  server = await startProtocolServer();
  client = createParleyClient({ url: server.url, backoff: { minMs: 1, maxMs: 5 } });
  await client.signUp({ ...credentials, name: "Ada" });
  await client.signIn(credentials);
});
beforeEach(() => {
  server.trouble = {};
  server.requests.length = 0;
});
after(async () => {
  client.close();
  await server.stop();
});

/** What the server answers by path; a list: one after the other, its last for ever. */
function answers(byPath: Record<string, object | object[]>): void {
  server.trouble = {
    http(_method, path) {
      const given = byPath[path];
      if (!given) return undefined;
      const body = (Array.isArray(given) ? (given.length > 1 ? given.shift() : given[0]) : given) as object;
      const status = "code" in body ? ("status" in body ? Number(body.status) : 409) : 200;
      return { status, body };
    },
  };
}

const asked = (path: string) => server.requests.filter((line) => line.split(/[ ?]/)[1] === path).length;
const hit = (n: number) => ({ message: { id: `m${n}`, chatId: "c", seq: n, no: n, senderId: "a" } });
const push = (search: object) => {
  for (const { socket } of server.connections) {
    socket.send(JSON.stringify({ events: [{ kind: "search", search }] }));
  }
};

/** Timers of so many milliseconds or more never end by themselves. */
function holdLongTimers(fromMs: number): { held(): number; reset(): void } {
  const real = globalThis.setTimeout;
  let held = 0;
  const { mock: mocked } = mock.method(globalThis, "setTimeout", (run: () => void, ms = 0) => {
    if (ms < fromMs) return real(run, ms);
    held++;
    return real(() => {}, 0);
  });
  return { held: () => held, reset: () => mocked.restore() };
}

describe("a search", () => {
  test("fills in what the wire leaves out, and encodes the query", async () => {
    answers({
      "/v2/search": {
        hits: [{ ...hit(1), fragments: [{ parts: [{ text: "an " }, { text: "apple", match: true }] }] }],
      },
    });
    const { hits, partial } = await client.search('apple & "pie"', { limit: 5 });
    assert.equal(server.requests.at(-1), "GET /v2/search?q=apple+%26+%22pie%22&limit=5");
    assert.equal(partial, false);
    assert.equal(hits[0]?.message.text, "");
    assert.equal(hits[0]?.score, 0);
    assert.deepEqual(hits[0]?.fragments, [
      {
        parts: [
          { text: "an ", match: false },
          { text: "apple", match: true },
        ],
      },
    ]);
  });

  test("that is aborted rejects with the reason, before and meanwhile", async () => {
    const reason = new Error("typed on");
    await assert.rejects(client.search("apple", { signal: AbortSignal.abort(reason) }), reason);
    assert.deepEqual(server.requests, []);

    const meanwhile = new AbortController();
    server.trouble = {
      http: () => {
        meanwhile.abort(reason);
        return { status: 200, body: {} };
      },
    };
    await assert.rejects(client.search("apple", { signal: meanwhile.signal }), reason);
  });

  test("that waits for another try stops waiting when it is aborted", { timeout: 10_000 }, async () => {
    const reason = new Error("typed on");
    const typing = new AbortController();
    const timers = holdLongTimers(10_000);
    answers({ "/v2/search": { code: "too-many-requests", status: 429, retryAfterMs: 10_000 } });
    const searching = client.search("apple", { signal: typing.signal });
    searching.catch(() => {});
    await until("it waits", () => timers.held() > 0);
    typing.abort(reason);
    await assert.rejects(searching, reason);
    assert.equal(asked("/v2/search"), 1);
    timers.reset();
  });

  test("that is refused says why", async () => {
    const violations = [{ field: "q", message: "must have at least two characters" }];
    answers({ "/v2/search": { code: "invalid-input", status: 400, violations } });
    await assert.rejects(client.search("a"), { code: "invalid-input", violations });
  });
});

describe("a search task", () => {
  test("is created, read and deleted", async () => {
    answers({
      "/v2/search-tasks": { task: { id: taskId, status: "waiting", query: "apple" } },
      [taskPath]: { task: { id: taskId, status: "running", query: "apple", resultCount: 3 } },
    });
    const created = await client.searchTasks.create("apple");
    assert.deepEqual(created, {
      id: taskId,
      status: "waiting",
      query: "apple",
      partial: false,
      resultCount: 0,
    });
    assert.equal((await client.searchTasks.get(taskId)).resultCount, 3);
    await client.searchTasks.delete(taskId);
    assert.equal(server.requests.at(-1), `DELETE ${taskPath}`);
  });

  test("is awaited by its event", { timeout: 10_000 }, async () => {
    await client.connect();
    const timers = holdLongTimers(250);
    const changes: unknown[] = [];
    const off = client.on("search", (change) => changes.push(change));
    let status = "running";
    server.trouble = { http: () => ({ status: 200, body: { task: { id: taskId, status } } }) };
    const seen: SearchTask[] = [];
    const waiting = client.searchTasks.wait(taskId, { onProgress: (task) => seen.push(task) });
    await until("it was looked at", () => seen.length === 1);
    push({ id: "another", status: "done" });
    status = "done";
    push({ id: taskId, status: "done" });
    assert.equal((await waiting).status, "done");
    assert.equal(asked(taskPath), 2);
    await until("both were told", () => changes.length === 2);
    assert.deepEqual(changes[1], { id: taskId, status: "done", resultCount: 0, partial: false });
    off();
    timers.reset();
    client.disconnect();
  });

  test("is awaited by looking now and then when no event comes, also while the server is away", async () => {
    const away = { code: "unavailable", status: 503 };
    const running = { task: { id: taskId, status: "running" } };
    const failed = { task: { id: taskId, status: "failed", errorCode: "unavailable" } };
    answers({ [taskPath]: [running, away, away, away, away, failed] });
    const task = await client.searchTasks.wait(taskId);
    assert.deepEqual([task.status, task.errorCode], ["failed", "unavailable"]);
  });

  test("is not awaited for ever, nor when it is gone", async () => {
    answers({ [taskPath]: { task: { id: taskId, status: "running" } } });
    await assert.rejects(client.searchTasks.wait(taskId, { timeoutMs: 30 }), { code: "timeout" });
    const reason = new Error("enough");
    const giving = client.searchTasks.wait(taskId, { signal: AbortSignal.timeout(10) });
    await assert.rejects(giving, { name: "TimeoutError" });
    await assert.rejects(client.searchTasks.wait(taskId, { signal: AbortSignal.abort(reason) }), reason);
    answers({ [taskPath]: { code: "search-task-not-found", status: 404 } });
    await assert.rejects(client.searchTasks.wait(taskId), { code: "search-task-not-found" });
  });

  test("gives all results, over empty pages, and waits where they were lost", async () => {
    const lost = { code: "search-task-not-done", status: 409 };
    answers({
      [taskPath]: { task: { id: taskId, status: "done" } },
      [`${taskPath}/results`]: [
        { hits: [hit(3)], nextCursor: "1" },
        { nextCursor: "2" },
        lost,
        { hits: [hit(4), hit(3)], nextCursor: "3" },
        { code: "invalid-input", status: 400, violations: [{ field: "cursor", message: "is another's" }] },
        { hits: [hit(4), hit(3)], nextCursor: "4" },
        { hits: [hit(2), hit(1)] },
      ],
    });
    const ids: string[] = [];
    for await (const { message } of client.searchTasks.allResults(taskId)) ids.push(message.id);
    assert.deepEqual(ids, ["m3", "m4", "m2", "m1"]);
    const pages = server.requests.filter((line) => line.includes("/results"));
    assert.deepEqual(
      pages.map((line) => new URLSearchParams(line.split("?")[1]).get("cursor")),
      [null, "1", "2", null, "3", null, "4"],
    );
  });

  test("that is never done gives no results for ever", async () => {
    answers({
      [taskPath]: { task: { id: taskId, status: "done" } },
      [`${taskPath}/results`]: { code: "search-task-not-done", status: 409 },
    });
    const all = client.searchTasks.allResults(taskId);
    await assert.rejects(all.next(), { code: "search-task-not-done" });
    assert.equal(asked(taskPath), 3);
  });

  test("is awaited no more when the client is closed", async () => {
    const closing = createParleyClient({ url: server.url });
    await closing.signIn(credentials);
    answers({ [taskPath]: { task: { id: taskId, status: "running" } } });
    const waiting = closing.searchTasks.wait(taskId);
    await until("it was looked at", () => asked(taskPath) === 1);
    closing.close();
    await assert.rejects(waiting, { code: "closed" });
  });
});
