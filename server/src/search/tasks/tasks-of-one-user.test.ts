import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import type { SearchTask } from "@parley/api/v2/search";
import { toPublicError } from "#platform/errors.ts";
import { as } from "#test/pod-user.ts";
import { hang } from "#test/search-pod.ts";
import { createTask, createTaskRig, ended, problemOf } from "#test/search-tasks.ts";
import { until } from "#test/until.ts";

const rig = await createTaskRig();
const { startPod, countJobs } = rig;

describe("many tasks of one user", () => {
  const config = {
    PARLEY_SEARCH_TASKS_PER_USER: 2,
    PARLEY_SEARCH_TASKS_OPEN_PER_USER: 10,
    PARLEY_SEARCH_WORKERS: 16,
    // None ends meanwhile and makes room for another, however long the others take to be created.
    PARLEY_SEARCH_TASK_TIMEOUT_MS: 60_000,
  };
  /** For a messenger that hangs, on which the end of the test would wait. */
  const hasty = { ...config, PARLEY_SEARCH_TASK_TIMEOUT_MS: 1_500 };

  it("run so many at once, in their order, and the others wait without a job", async () => {
    const first = await startPod({ config });
    const second = await startPod({ config });
    const user = randomUUID();
    const gate = Promise.withResolvers<void>();
    rig.messenger.onFind = () => gate.promise;
    const words = Array.from({ length: 10 }, (_, index) => `word${index} `);
    const tasks: SearchTask[] = [];
    for (const [index, word] of words.entries())
      tasks.push(await createTask(index % 2 ? first : second, user, word));
    await until("two run", () => rig.messenger.underWay === 2);
    assert.equal(await countJobs("search-task"), 2);
    gate.resolve();
    for (const { id } of tasks) assert.equal((await ended(first, user, id)).status, "done");
    assert.equal(rig.messenger.most, 2);
    const order = rig.messenger.finds.map(({ query }) => `${query!.terms[0]!.text} `);
    // Two at once may overtake each other, and no more than that.
    for (const [index, word] of order.entries())
      assert.ok(Math.abs(words.indexOf(word) - index) <= 2, String(order));
  });

  it("do not keep another user's waiting", async () => {
    const pod = await startPod({ config: hasty });
    const user = randomUUID();
    rig.messenger.onFind = ({ userId }) => (userId === user ? hang() : Promise.resolve());
    for (let count = 0; count < 10; count++) await createTask(pod, user);
    const other = randomUUID();
    assert.equal((await ended(pod, other, (await createTask(pod, other)).id)).status, "done");
  });

  it("are refused beyond the bound, a thousand at once as well, and nothing breaks", async () => {
    const pod = await startPod({ config });
    const second = await startPod({ config });
    const user = randomUUID();
    const gate = Promise.withResolvers<void>();
    rig.messenger.onFind = () => gate.promise;
    const created = await Promise.allSettled(
      Array.from({ length: 1_000 }, (_, index) => createTask(index % 2 ? pod : second, user)),
    );
    const accepted = created.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    assert.equal(accepted.length, 10);
    const problems = created.flatMap((one) => (one.status === "rejected" ? [toPublicError(one.reason)] : []));
    // On a slow machine some of a thousand wait for too long.
    const allowed = ["too-many-search-tasks 429", "overloaded 503"];
    const told = problems.map(({ code, status }) => `${code} ${status}`);
    assert.deepEqual(
      told.filter((one) => !allowed.includes(one)),
      [],
    );
    assert.ok(told.filter((one) => one === allowed[0]).length > told.length / 2);
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
    const pod = await startPod({ config: { ...hasty, PARLEY_SEARCH_TASKS_PER_USER: 1 } });
    const user = randomUUID();
    rig.messenger.onFind = ({ query }) => (query!.terms[0]!.text === "first" ? hang() : Promise.resolve());
    const first = await createTask(pod, user, "first ");
    const second = await createTask(pod, user, "second ");
    await until("the first runs", () => rig.messenger.underWay === 1);
    await pod.search.deleteSearchTask({ id: first.id }, as(user));
    assert.equal((await ended(pod, user, second.id)).status, "done");
  });
});
