import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, describe, it, mock } from "node:test";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { as, eventsOf } from "#test/pod-user.ts";
import { newMessages } from "#test/search-pod.ts";
import {
  codeOf,
  createTask,
  createTaskRig,
  ended,
  problemOf,
  resultsOf,
  taskOf,
} from "#test/search-tasks.ts";
import { until } from "#test/until.ts";

const rig = await createTaskRig();
const { startPod, sql, countJobs } = rig;

/** Timers of just so many milliseconds end when the test says so, until the end of the test. */
function holdTimers(ofMs: number): { isOver(): void } {
  const real = globalThis.setTimeout;
  const held: Array<() => void> = [];
  mock.method(globalThis, "setTimeout", (run: () => void, ms = 0) => {
    if (ms === ofMs) held.push(run);
    return real(run, ms);
  });
  return {
    isOver() {
      for (const run of held.splice(0)) run();
    },
  };
}
afterEach(() => mock.restoreAll());

describe("a search task", () => {
  it("finds all there is, tells its end once, and is read in pages", async () => {
    const pod = await startPod();
    const user = randomUUID();
    const events = await eventsOf(pod, user);
    rig.messenger.messages = newMessages(2_345);
    rig.messenger.pageSize = 400;
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
    const [exactly] = await sql("SELECT (expires_at - finished_at)::text AS kept FROM search.tasks");
    assert.deepEqual(exactly, { kept: "00:05:00" });

    const all = newMessages(2_345).map(({ id }) => id);
    assert.deepEqual(await resultsOf(pod, user, created.id, 200), all);
    assert.deepEqual((await resultsOf(pod, user, created.id, 7)).slice(0, 700), all.slice(0, 700));
    assert.equal(events.length, 1);
    assert.equal(events[0]!.kind, "search");
    const { id, status, resultCount, partial } = events[0]!.search!;
    assert.deepEqual([id, status, resultCount, partial], [created.id, "done", 2_345, false]);
    assert.equal(rig.messenger.finds[0]!.userId, user);
  });

  it("keeps what it has found after its time, also when the messenger hangs", async () => {
    const timeoutMs = 8_000;
    const time = holdTimers(timeoutMs);
    const pod = await startPod({ config: { PARLEY_SEARCH_TASK_TIMEOUT_MS: timeoutMs } });
    const user = randomUUID();
    rig.messenger.messages = newMessages(300);
    rig.messenger.pageSize = 100;
    const gate = Promise.withResolvers<void>();
    rig.messenger.onFind = ({ cursor }) => (cursor === "200" ? gate.promise : Promise.resolve());
    const created = await createTask(pod, user);
    await until("the last page is asked for", () => rig.messenger.finds.at(-1)?.cursor === "200");
    assert.equal((await taskOf(pod, user, created.id)).status, "running");
    time.isOver();
    const task = await ended(pod, user, created.id);
    assert.deepEqual([task.status, task.partial, task.resultCount], ["done", true, 200]);
    assert.equal((await resultsOf(pod, user, task.id)).length, 200);
    gate.resolve();
  });

  it("goes on when the database was busy for a while, as long as there is time", async () => {
    const pod = await startPod();
    const user = randomUUID();
    rig.messenger.messages = newMessages(30);
    rig.messenger.nowhere = 4;
    const task = await ended(pod, user, (await createTask(pod, user)).id);
    assert.deepEqual([task.status, task.partial, task.resultCount], ["done", false, 30]);

    const hasty = await startPod({ config: { PARLEY_SEARCH_TASK_TIMEOUT_MS: 300 } });
    await pod.stop();
    rig.messenger.nowhere = Number.POSITIVE_INFINITY;
    const vain = await ended(hasty, user, (await createTask(hasty, user)).id);
    assert.deepEqual([vain.status, vain.partial, vain.resultCount], ["done", true, 0]);
  });

  it("stops at the most that it may find, and says that there may be more", async () => {
    const pod = await startPod({ config: { PARLEY_SEARCH_TASK_MAX_RESULTS: 150 } });
    const user = randomUUID();
    rig.messenger.messages = newMessages(151);
    const task = await ended(pod, user, (await createTask(pod, user)).id);
    assert.deepEqual([task.partial, task.resultCount], [true, 150]);
    rig.messenger.messages = newMessages(150);
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
    rig.messenger.messages = newMessages(30);
    rig.messenger.pageSize = 10;
    const gate = Promise.withResolvers<void>();
    rig.messenger.onFind = ({ cursor }) => (cursor === "10" ? gate.promise : Promise.resolve());
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

  it("asks for words spelt nearly so when its owner does, also when its results are read", async () => {
    const pod = await startPod();
    const user = randomUUID();
    for (const fuzzy of [false, true]) {
      rig.messenger.messages = newMessages(3);
      rig.messenger.finds.length = 0;
      rig.messenger.reads.length = 0;
      const { task } = await pod.search.createSearchTask({ query: "whale", fuzzy }, as(user));
      await ended(pod, user, task!.id);
      assert.equal((await resultsOf(pod, user, task!.id)).length, 3);
      const asked = [...rig.messenger.finds, ...rig.messenger.reads].map(({ query }) => query!.fuzzy);
      assert.deepEqual(asked, [fuzzy, fuzzy]);
    }
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

describe("a task that nobody needs any more", () => {
  it("is forgotten when its time is over, with its results", async () => {
    const pod = await startPod();
    const user = randomUUID();
    rig.messenger.messages = newMessages(5);
    const { id } = await createTask(pod, user);
    await ended(pod, user, id);
    assert.equal((await resultsOf(pod, user, id)).length, 5);
    // As if its five minutes were over.
    const due = `UPDATE search_jobs.job SET start_after = now()
      WHERE name = 'search-task-expiry' AND start_after > now() + interval '4 minutes' RETURNING 1 AS one`;
    await sql("UPDATE search.tasks SET expires_at = now()");
    assert.equal((await sql(due)).length, 1);
    await until("it is gone", async () => (await sql("SELECT 1 AS one FROM search.tasks")).length === 0);
    assert.equal(await codeOf(pod.search.listSearchResults({ id }, as(user))), "search-task-not-found");
    assert.deepEqual(await sql("SELECT 1 AS one FROM search.results"), []);
    await until("no jobs", async () => (await countJobs("search-task-expiry")) === 0);
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
