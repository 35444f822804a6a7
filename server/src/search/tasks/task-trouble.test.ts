import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { fault } from "#platform/errors.ts";
import { as, eventsOf } from "#test/pod-user.ts";
import { newMessages } from "#test/search-pod.ts";
import { createTask, createTaskRig, ended, problemOf, resultsOf, taskOf } from "#test/search-tasks.ts";
import { until } from "#test/until.ts";

const rig = await createTaskRig();
const { startPod, sql, countJobs } = rig;

describe("what goes wrong", () => {
  it("is tried again while the messenger is away", async () => {
    const pod = await startPod();
    const user = randomUUID();
    rig.messenger.messages = newMessages(3);
    rig.messenger.onFind = async () => {
      if (rig.messenger.finds.length === 1) throw fault("unavailable");
    };
    const task = await ended(pod, user, (await createTask(pod, user)).id);
    assert.deepEqual([task.status, task.resultCount], ["done", 3]);
    assert.equal(rig.messenger.finds.length, 2);
  });

  it("fails at once when another attempt would fare no better, and says why", async () => {
    const pod = await startPod();
    const user = randomUUID();
    const events = await eventsOf(pod, user);
    rig.messenger.onFind = async () => {
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
    rig.messenger.onFind = () => (rig.messenger.finds.length === 1 ? first.promise : second.promise);
    const { id } = await createTask(pod, user);
    await until("the first attempt", () => rig.messenger.underWay === 1);
    // As the engine does when it takes the worker for dead.
    await sql(
      `INSERT INTO search_jobs.job (name, data, retry_limit, policy)
       SELECT name, data, retry_limit, policy FROM search_jobs.job WHERE name = 'search-task'`,
    );
    await until("the second attempt", () => rig.messenger.underWay === 2);

    rig.messenger.messages = newMessages(5);
    first.resolve();
    await until("the first attempt is over", async () => (await countJobs("search-task")) === 1);
    const task = await taskOf(pod, user, id);
    assert.deepEqual([task.status, task.resultCount], ["running", 0]);
    assert.deepEqual(events, []);

    rig.messenger.messages = newMessages(2);
    second.resolve();
    assert.equal((await ended(pod, user, id)).resultCount, 2);
    assert.equal((await resultsOf(pod, user, id)).length, 2);
    assert.equal(events.length, 1);
  });

  it("puts nothing back that another worker has gone on with", async () => {
    const pod = await startPod({ config: { PARLEY_SEARCH_TASK_TIMEOUT_MS: 60_000 } });
    const user = randomUUID();
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    rig.messenger.onFind = () => (rig.messenger.finds.length === 1 ? first.promise : second.promise);
    const { id } = await createTask(pod, user);
    await until("the first attempt", () => rig.messenger.underWay === 1);
    await sql(
      `INSERT INTO search_jobs.job (name, data, retry_limit, policy)
       SELECT name, data, retry_limit, policy FROM search_jobs.job WHERE name = 'search-task'`,
    );
    await until("the second attempt", () => rig.messenger.underWay === 2);
    first.reject(fault("unavailable"));
    await until("it is to be tried again, or is already", async () => {
      const [job] = await sql(
        `SELECT 1 AS one FROM search_jobs.job
         WHERE name = 'search-task' AND (state = 'retry' OR retry_count > 0)`,
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
    rig.messenger.messages = newMessages(5);
    rig.messenger.onFind = () => gate.promise;
    const { id } = await createTask(pod, user);
    await until("it runs", () => rig.messenger.underWay === 1);
    await pod.search.deleteSearchTask({ id }, as(user));
    gate.resolve();
    await until("no jobs", async () => (await countJobs("search-task")) === 0);
    assert.deepEqual(await sql("SELECT 1 AS one FROM search.results"), []);
    assert.deepEqual(events, []);
  });

  it("goes on at another pod when one stops in the middle", async () => {
    const first = await startPod();
    const user = randomUUID();
    rig.messenger.messages = newMessages(5);
    rig.messenger.onFind = async (_request, signal) => {
      if (rig.messenger.finds.length > 1) return;
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(fault("cancelled"))));
    };
    const { id } = await createTask(first, user);
    await until("it runs", () => rig.messenger.underWay === 1);
    const stopping = first.stop();
    const second = await startPod();
    await stopping;
    assert.equal((await ended(second, user, id)).resultCount, 5);
  });
});
