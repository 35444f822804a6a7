import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { SearchTask } from "@parley/api/v2/search";
import { fault, toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { openRedis } from "#platform/redis.ts";
import { createTestDatabase } from "#test/database.ts";
import { startRedis, withoutRedis } from "#test/redis-server.ts";
import {
  as,
  createFakeMessenger,
  eventsOf,
  type FakeMessenger,
  hang,
  newMessages,
  type SearchPod,
  type SearchPodOptions,
  startSearch,
} from "#test/search.ts";
import { until } from "#test/until.ts";

const { database } = await createTestDatabase();
const server = withoutRedis ? undefined : await startRedis();
const pods: SearchPod[] = [];
let messenger: FakeMessenger;

async function startPod(options: Partial<SearchPodOptions> = {}): Promise<SearchPod> {
  const pod = await startSearch({ database, messenger, ...options });
  pods.push(pod);
  return pod;
}

beforeEach(() => {
  messenger = createFakeMessenger();
});

/** What waits is anybody's who shares the database. */
afterEach(async () => {
  messenger.onFind = async () => {};
  await Promise.all(pods.splice(0).map((pod) => pod.stop()));
  await sql("DELETE FROM search.tasks");
  await sql("DELETE FROM search_jobs.job");
});

const sql = <Row extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
  database.query<Row>({ name: `test ${createHash("sha1").update(text).digest("hex")}`, text }, values);

const jobsOf = async (queue: string) =>
  (await sql<{ count: number }>("SELECT count(*) FROM search_jobs.job WHERE name = $1", [queue]))[0]!.count;

async function problemOf(call: Promise<unknown>) {
  try {
    await call;
  } catch (error) {
    return toPublicError(error);
  }
  throw new Error("it did not fail");
}
const codeOf = async (call: Promise<unknown>) => (await problemOf(call)).code;

async function createTask({ search }: SearchPod, user: string, query = "whale"): Promise<SearchTask> {
  return (await search.createSearchTask({ query }, as(user))).task!;
}
async function taskOf({ search }: SearchPod, user: string, id: string): Promise<SearchTask> {
  return (await search.getSearchTask({ id }, as(user))).task!;
}
async function ended(pod: SearchPod, user: string, id: string): Promise<SearchTask> {
  let task = await taskOf(pod, user, id);
  await until(
    () => `the end of a task that is ${task.status}`,
    async () => {
      task = await taskOf(pod, user, id);
      return task.status === "done" || task.status === "failed";
    },
  );
  return task;
}

/** All pages. */
async function resultsOf({ search }: SearchPod, user: string, id: string, limit = 50): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const page = await search.listSearchResults({ id, limit, cursor }, as(user));
    assert.ok(page.hits.length <= limit);
    ids.push(...page.hits.map(({ message }) => message!.id));
    cursor = page.nextCursor;
  }
  return ids;
}

describe("a search task", () => {
  it("finds all there is, tells its end once, and is read in pages", async () => {
    const pod = await startPod();
    const user = randomUUID();
    const events = await eventsOf(pod, user);
    messenger.messages = newMessages(2_345);
    messenger.pageSize = 400;
    const created = await createTask(pod, user, 'whale  "whale" ');
    assert.equal(created.status, "waiting");
    assert.equal(created.query, 'whale  "whale" ');
    assert.ok(created.createdAt && !created.startedAt && !created.finishedAt && !created.expiresAt);

    const task = await ended(pod, user, created.id);
    assert.deepEqual(
      [task.status, task.partial, task.resultCount, task.errorCode],
      ["done", false, 2_345, ""],
    );
    const keptMs = timestampDate(task.expiresAt!).getTime() - timestampDate(task.finishedAt!).getTime();
    assert.equal(keptMs, 300_000);

    const all = newMessages(2_345).map(({ id }) => id);
    assert.deepEqual(await resultsOf(pod, user, created.id, 200), all);
    assert.deepEqual((await resultsOf(pod, user, created.id, 7)).slice(0, 700), all.slice(0, 700));
    assert.equal(events.length, 1);
    assert.equal(events[0]!.kind, "search");
    const { id, status, resultCount, partial } = events[0]!.search!;
    assert.deepEqual([id, status, resultCount, partial], [created.id, "done", 2_345, false]);
    assert.equal(messenger.finds[0]!.userId, user);
  });

  it("keeps what it has found after its time, also when the messenger hangs", async () => {
    const pod = await startPod({ config: { PARLEY_SEARCH_TASK_TIMEOUT_MS: 300 } });
    const user = randomUUID();
    messenger.messages = newMessages(300);
    messenger.pageSize = 100;
    messenger.onFind = ({ cursor }) => (cursor === "200" ? hang() : Promise.resolve());
    const created = await createTask(pod, user);
    const task = await ended(pod, user, created.id);
    assert.deepEqual([task.status, task.partial, task.resultCount], ["done", true, 200]);
    assert.equal((await resultsOf(pod, user, task.id)).length, 200);
    const tookMs = timestampDate(task.finishedAt!).getTime() - timestampDate(task.startedAt!).getTime();
    assert.ok(tookMs >= 290, `${tookMs}`);
  });

  it("goes on when the database was busy for a while, as long as there is time", async () => {
    const pod = await startPod();
    const user = randomUUID();
    messenger.messages = newMessages(30);
    messenger.nowhere = 4;
    const task = await ended(pod, user, (await createTask(pod, user)).id);
    assert.deepEqual([task.status, task.partial, task.resultCount], ["done", false, 30]);

    const hasty = await startPod({ config: { PARLEY_SEARCH_TASK_TIMEOUT_MS: 300 } });
    await pod.stop();
    messenger.nowhere = Number.POSITIVE_INFINITY;
    const vain = await ended(hasty, user, (await createTask(hasty, user)).id);
    assert.deepEqual([vain.status, vain.partial, vain.resultCount], ["done", true, 0]);
  });

  it("stops at the most that it may find, and says that there may be more", async () => {
    const pod = await startPod({ config: { PARLEY_SEARCH_TASK_MAX_RESULTS: 150 } });
    const user = randomUUID();
    messenger.messages = newMessages(151);
    const task = await ended(pod, user, (await createTask(pod, user)).id);
    assert.deepEqual([task.partial, task.resultCount], [true, 150]);
    messenger.messages = newMessages(150);
    const whole = await ended(pod, user, (await createTask(pod, user)).id);
    assert.deepEqual([whole.partial, whole.resultCount], [false, 150]);
  });

  it("is nobody else's", async () => {
    const pod = await startPod();
    const user = randomUUID();
    const { id } = await createTask(pod, user);
    await ended(pod, user, id);
    const stranger = as(randomUUID());
    for (const call of [
      () => pod.search.getSearchTask({ id }, stranger),
      () => pod.search.listSearchResults({ id }, stranger),
      () => pod.search.deleteSearchTask({ id }, stranger),
      () => pod.search.getSearchTask({ id: randomUUID() }, as(user)),
      () => pod.search.getSearchTask({ id: "none" }, as(user)),
    ]) {
      assert.equal(await codeOf(call()), "search-task-not-found");
    }
    await pod.search.deleteSearchTask({ id }, as(user));
    assert.equal(await codeOf(pod.search.getSearchTask({ id }, as(user))), "search-task-not-found");
  });

  it("has no results before its end", async () => {
    const pod = await startPod();
    const user = randomUUID();
    messenger.messages = newMessages(30);
    messenger.pageSize = 10;
    const gate = Promise.withResolvers<void>();
    messenger.onFind = ({ cursor }) => (cursor === "10" ? gate.promise : Promise.resolve());
    const { id } = await createTask(pod, user);
    await until("progress", async () => (await taskOf(pod, user, id)).resultCount === 10);
    const running = await taskOf(pod, user, id);
    assert.equal(running.status, "running");
    assert.ok(running.startedAt);
    const problem = await problemOf(pod.search.listSearchResults({ id }, as(user)));
    assert.deepEqual(
      [problem.code, problem.status, problem.retryAfterMs],
      ["search-task-not-done", 409, 1_000],
    );
    gate.resolve();
    assert.equal((await ended(pod, user, id)).resultCount, 30);
  });

  it("refuses a query that says nothing, and leaves nothing behind", async () => {
    const pod = await startPod();
    const problem = await problemOf(createTask(pod, randomUUID(), "  -whale "));
    assert.equal(problem.code, "invalid-input");
    assert.equal(problem.violations[0]!.field, "query");
    assert.deepEqual(await sql("SELECT 1 AS one FROM search.tasks"), []);
  });

  it("keeps what databases cannot out of the query", async () => {
    const pod = await startPod();
    const user = randomUUID();
    const task = await createTask(pod, user, "wha\0le \ud800x");
    assert.equal(task.query, "wha\ufffdle \ufffdx");
    assert.equal((await ended(pod, user, task.id)).status, "done");
  });
});

describe("what goes wrong", () => {
  it("is tried again while the messenger is away", async () => {
    const pod = await startPod();
    const user = randomUUID();
    messenger.messages = newMessages(3);
    messenger.onFind = async () => {
      if (messenger.finds.length === 1) throw fault("unavailable");
    };
    const task = await ended(pod, user, (await createTask(pod, user)).id);
    assert.deepEqual([task.status, task.resultCount], ["done", 3]);
    assert.equal(messenger.finds.length, 2);
  });

  it("fails at once when another attempt would fare no better, and says why", async () => {
    const pod = await startPod();
    const user = randomUUID();
    const events = await eventsOf(pod, user);
    messenger.onFind = async () => {
      throw fault("invalid-input");
    };
    const task = await ended(pod, user, (await createTask(pod, user)).id);
    assert.deepEqual([task.status, task.errorCode], ["failed", "invalid-input"]);
    assert.ok(task.expiresAt);
    assert.equal(events[0]!.search!.status, "failed");
    const problem = await problemOf(pod.search.listSearchResults({ id: task.id }, as(user)));
    assert.deepEqual([problem.code, problem.retryAfterMs], ["search-task-not-done", undefined]);
  });

  it("writes nothing any more once another worker has gone on with the task", async () => {
    const pod = await startPod({ config: { PARLEY_SEARCH_TASK_TIMEOUT_MS: 60_000 } });
    const user = randomUUID();
    const events = await eventsOf(pod, user);
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    messenger.onFind = () => (messenger.finds.length === 1 ? first.promise : second.promise);
    const { id } = await createTask(pod, user);
    await until("the first attempt", () => messenger.underWay === 1);
    // As the engine does when it takes the worker for dead.
    await sql(
      `INSERT INTO search_jobs.job (name, data, retry_limit, policy)
       SELECT name, data, retry_limit, policy FROM search_jobs.job WHERE name = 'search-task'`,
    );
    await until("the second attempt", () => messenger.underWay === 2);

    messenger.messages = newMessages(5);
    first.resolve();
    await until("the first attempt is over", async () => (await jobsOf("search-task")) === 1);
    const task = await taskOf(pod, user, id);
    assert.deepEqual([task.status, task.resultCount], ["running", 0]);
    assert.deepEqual(events, []);

    messenger.messages = newMessages(2);
    second.resolve();
    assert.equal((await ended(pod, user, id)).resultCount, 2);
    assert.equal((await resultsOf(pod, user, id)).length, 2);
    assert.equal(events.length, 1);
  });

  it("puts nothing back that another worker has gone on with", async () => {
    const pod = await startPod({ config: { PARLEY_SEARCH_TASK_TIMEOUT_MS: 60_000 } });
    const user = randomUUID();
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    messenger.onFind = () => (messenger.finds.length === 1 ? first.promise : second.promise);
    const { id } = await createTask(pod, user);
    await until("the first attempt", () => messenger.underWay === 1);
    await sql(
      `INSERT INTO search_jobs.job (name, data, retry_limit, policy)
       SELECT name, data, retry_limit, policy FROM search_jobs.job WHERE name = 'search-task'`,
    );
    await until("the second attempt", () => messenger.underWay === 2);
    first.reject(fault("unavailable"));
    await until("the first attempt is over", () => messenger.underWay === 1);
    await until("it is to be tried again", async () => {
      const [job] = await sql(
        "SELECT 1 AS one FROM search_jobs.job WHERE name = 'search-task' AND state = 'retry'",
      );
      return job !== undefined;
    });
    assert.equal((await taskOf(pod, user, id)).status, "running");
    second.resolve();
    assert.equal((await ended(pod, user, id)).status, "done");
  });

  it("leaves nothing of a task that is deleted while it runs", async () => {
    const pod = await startPod();
    const user = randomUUID();
    const events = await eventsOf(pod, user);
    const gate = Promise.withResolvers<void>();
    messenger.messages = newMessages(5);
    messenger.onFind = () => gate.promise;
    const { id } = await createTask(pod, user);
    await until("it runs", () => messenger.underWay === 1);
    await pod.search.deleteSearchTask({ id }, as(user));
    gate.resolve();
    await until("no jobs", async () => (await jobsOf("search-task")) === 0);
    assert.deepEqual(await sql("SELECT 1 AS one FROM search.results"), []);
    assert.deepEqual(events, []);
  });

  it("goes on at another pod when one stops in the middle", async () => {
    const first = await startPod();
    const user = randomUUID();
    messenger.messages = newMessages(5);
    messenger.onFind = async (_request, signal) => {
      if (messenger.finds.length > 1) return;
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(fault("cancelled"))));
    };
    const { id } = await createTask(first, user);
    await until("it runs", () => messenger.underWay === 1);
    const stopping = first.stop();
    const second = await startPod();
    await stopping;
    assert.equal((await ended(second, user, id)).resultCount, 5);
  });
});

describe("many tasks of one user", () => {
  const config = {
    PARLEY_SEARCH_TASKS_PER_USER: 2,
    PARLEY_SEARCH_TASKS_OPEN_PER_USER: 10,
    PARLEY_SEARCH_WORKERS: 16,
    PARLEY_SEARCH_TASK_TIMEOUT_MS: 1_500,
  };

  it("run so many at once, in their order, and the others wait without a job", async () => {
    const first = await startPod({ config });
    const second = await startPod({ config });
    const user = randomUUID();
    const gate = Promise.withResolvers<void>();
    messenger.onFind = () => gate.promise;
    const words = Array.from({ length: 10 }, (_, index) => `word${index} `);
    const tasks: SearchTask[] = [];
    for (const [index, word] of words.entries())
      tasks.push(await createTask(index % 2 ? first : second, user, word));
    await until("two run", () => messenger.underWay === 2);
    assert.equal(await jobsOf("search-task"), 2);
    gate.resolve();
    for (const { id } of tasks) assert.equal((await ended(first, user, id)).status, "done");
    assert.equal(messenger.most, 2);
    const order = messenger.finds.map(({ query }) => `${query!.terms[0]!.text} `);
    // Two at once may overtake each other, and no more than that.
    for (const [index, word] of order.entries())
      assert.ok(Math.abs(words.indexOf(word) - index) <= 2, String(order));
  });

  it("do not keep another user's waiting", async () => {
    const pod = await startPod({ config });
    const user = randomUUID();
    messenger.onFind = ({ userId }) => (userId === user ? hang() : Promise.resolve());
    for (let count = 0; count < 10; count++) await createTask(pod, user);
    const other = randomUUID();
    assert.equal((await ended(pod, other, (await createTask(pod, other)).id)).status, "done");
  });

  it("are refused beyond the bound, a thousand at once as well, and nothing breaks", async () => {
    const pod = await startPod({ config });
    const second = await startPod({ config });
    const user = randomUUID();
    const gate = Promise.withResolvers<void>();
    messenger.onFind = () => gate.promise;
    const created = await Promise.allSettled(
      Array.from({ length: 1_000 }, (_, index) => createTask(index % 2 ? pod : second, user)),
    );
    const accepted = created.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    assert.equal(accepted.length, 10);
    const problems = created.flatMap((one) => (one.status === "rejected" ? [toPublicError(one.reason)] : []));
    assert.deepEqual(
      [...new Set(problems.map(({ code, status }) => `${code} ${status}`))],
      ["too-many-search-tasks 429"],
    );
    assert.ok(problems.every(({ retryAfterMs }) => retryAfterMs! > 0));
    gate.resolve();
    for (const { id } of accepted) assert.equal((await ended(pod, user, id)).status, "done");
    await createTask(pod, user);
  });

  it("are refused when so many are kept, until one is deleted", async () => {
    const pod = await startPod({ config: { ...config, PARLEY_SEARCH_TASKS_KEPT_PER_USER: 3 } });
    const user = randomUUID();
    const ids: string[] = [];
    for (let count = 0; count < 3; count++) {
      ids.push((await createTask(pod, user)).id);
      await ended(pod, user, ids.at(-1)!);
    }
    const problem = await problemOf(createTask(pod, user));
    assert.equal(problem.code, "too-many-search-tasks");
    assert.ok(problem.retryAfterMs! > 290_000 && problem.retryAfterMs! <= 300_000);
    await pod.search.deleteSearchTask({ id: ids[0]! }, as(user));
    await createTask(pod, user);
  });

  it("make way for each other when one that runs is deleted", async () => {
    const pod = await startPod({ config: { ...config, PARLEY_SEARCH_TASKS_PER_USER: 1 } });
    const user = randomUUID();
    messenger.onFind = ({ query }) => (query!.terms[0]!.text === "first" ? hang() : Promise.resolve());
    const first = await createTask(pod, user, "first ");
    const second = await createTask(pod, user, "second ");
    await until("the first runs", () => messenger.underWay === 1);
    await pod.search.deleteSearchTask({ id: first.id }, as(user));
    assert.equal((await ended(pod, user, second.id)).status, "done");
  });
});

describe("a task that nobody needs any more", () => {
  it("is forgotten when its time is over, with its results", async () => {
    const pod = await startPod({ config: { PARLEY_SEARCH_TASK_EXPIRY_MS: 700 } });
    const user = randomUUID();
    messenger.messages = newMessages(5);
    const { id } = await createTask(pod, user);
    await ended(pod, user, id);
    assert.equal((await resultsOf(pod, user, id)).length, 5);
    await until("it is gone", async () => (await sql("SELECT 1 AS one FROM search.tasks")).length === 0);
    assert.equal(await codeOf(pod.search.listSearchResults({ id }, as(user))), "search-task-not-found");
    assert.deepEqual(await sql("SELECT 1 AS one FROM search.results"), []);
    await until("no jobs", async () => (await jobsOf("search-task-expiry")) === 0);
  });

  it("is not there from that moment on, even if nothing has removed it yet", async () => {
    const pod = await startPod();
    const user = randomUUID();
    const { id } = await createTask(pod, user);
    await ended(pod, user, id);
    await sql("UPDATE search.tasks SET expires_at = now()");
    assert.equal(await codeOf(pod.search.getSearchTask({ id }, as(user))), "search-task-not-found");
    assert.equal(await codeOf(pod.search.listSearchResults({ id }, as(user))), "search-task-not-found");
    assert.equal(await codeOf(pod.search.deleteSearchTask({ id }, as(user))), "search-task-not-found");
  });
});

describe("results", () => {
  it("leave out what may not be read any more, and are read on for what may", async () => {
    const pod = await startPod();
    const user = randomUUID();
    messenger.messages = newMessages(1_500);
    const { id } = await createTask(pod, user);
    await ended(pod, user, id);
    const kept = messenger.messages.filter((_, index) => index === 3 || index > 1_400);
    messenger.messages = kept;
    const { hits } = await pod.search.listSearchResults({ id, limit: 2 }, as(user));
    assert.equal(hits.length, 1, "no empty page while there is more");
    assert.deepEqual(
      await resultsOf(pod, user, id, 3),
      kept.map((message) => message.id),
    );
  });

  it("refuse cursors that are not theirs", async () => {
    const pod = await startPod();
    const user = randomUUID();
    messenger.messages = newMessages(10);
    const { id } = await createTask(pod, user);
    await ended(pod, user, id);
    const { nextCursor } = await pod.search.listSearchResults({ id, limit: 4 }, as(user));
    const other = Buffer.from([0, 0, 0, 2, 0, 0, 0, 4]).toString("base64url");
    const far = Buffer.from([0, 0, 0, 1, 0, 0, 0, 11]).toString("base64url");
    for (const cursor of ["x", "AAAA", `${nextCursor}A`, `${nextCursor}==`, other, far]) {
      const problem = await problemOf(pod.search.listSearchResults({ id, cursor }, as(user)));
      assert.deepEqual([problem.code, problem.violations[0]?.field], ["invalid-input", "cursor"], cursor);
    }
    assert.equal(
      (await problemOf(pod.search.listSearchResults({ id, limit: 201 }, as(user)))).code,
      "invalid-input",
    );
  });

  it("are looked for once more when they are lost", async () => {
    const pod = await startPod();
    const user = randomUUID();
    messenger.messages = newMessages(10);
    const { id } = await createTask(pod, user);
    await ended(pod, user, id);
    await sql("DELETE FROM search.results");
    const problem = await problemOf(pod.search.listSearchResults({ id }, as(user)));
    assert.deepEqual([problem.code, problem.retryAfterMs], ["search-task-not-done", 1_000]);
    assert.equal((await ended(pod, user, id)).status, "done");
    assert.equal((await resultsOf(pod, user, id)).length, 10);
  });

  it("in Redis are looked for once more when it has lost them", { skip: withoutRedis }, async () => {
    const redis = openRedis({ url: server!.url, log: createLog("silent"), commandTimeoutMs: 500 });
    after(() => redis.stop());
    await redis.untilReady();
    const pod = await startPod({ redis });
    const user = randomUUID();
    messenger.messages = newMessages(1_500);
    const { id } = await createTask(pod, user);
    await ended(pod, user, id);
    assert.equal((await resultsOf(pod, user, id, 200)).length, 1_500);
    assert.deepEqual(await sql("SELECT 1 AS one FROM search.results"), []);
    await server!.command("FLUSHALL");
    assert.equal(await codeOf(pod.search.listSearchResults({ id }, as(user))), "search-task-not-done");
    assert.equal((await ended(pod, user, id)).status, "done");
    assert.equal((await resultsOf(pod, user, id, 200)).length, 1_500);
    await pod.search.deleteSearchTask({ id }, as(user));
    assert.equal(await server!.command("DBSIZE"), ":0");
  });

  it("leave nothing in Redis when their task is deleted", { skip: withoutRedis }, async () => {
    const redis = openRedis({ url: server!.url, log: createLog("silent"), commandTimeoutMs: 500 });
    after(() => redis.stop());
    await redis.untilReady();
    const pod = await startPod({ redis });
    const user = randomUUID();
    messenger.messages = newMessages(1_500);
    const { id } = await createTask(pod, user);
    await ended(pod, user, id);
    assert.equal(await server!.command("DBSIZE"), ":2");
    await pod.search.deleteSearchTask({ id }, as(user));
    assert.equal(await server!.command("DBSIZE"), ":0");
  });
});
