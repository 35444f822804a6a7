import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, it } from "node:test";
import { createLog } from "#platform/log.ts";
import { openRedis } from "#platform/redis.ts";
import { as } from "#test/pod-user.ts";
import { startRedis, withoutRedis } from "#test/redis-server.ts";
import { newMessages } from "#test/search-pod.ts";
import { codeOf, createTask, createTaskRig, ended, problemOf, resultsOf } from "#test/search-tasks.ts";

const rig = await createTaskRig();
const { startPod, sql } = rig;
const server = withoutRedis ? undefined : await startRedis();

describe("results", () => {
  it("leave out what may not be read any more, and are read on for what may", async () => {
    const pod = await startPod();
    const user = randomUUID();
    rig.messenger.messages = newMessages(1_500);
    const { id } = await createTask(pod, user);
    await ended(pod, user, id);
    const kept = rig.messenger.messages.filter((_, index) => index === 3 || index > 1_400);
    rig.messenger.messages = kept;
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
    rig.messenger.messages = newMessages(10);
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
    rig.messenger.messages = newMessages(10);
    const { id } = await createTask(pod, user);
    await ended(pod, user, id);
    await sql("DELETE FROM search.results");
    const problem = await problemOf(pod.search.listSearchResults({ id }, as(user)));
    assert.deepEqual([problem.code, problem.retryAfterMs], ["search-task-not-done", 1_000]);
    assert.equal((await ended(pod, user, id)).status, "done");
    assert.equal((await resultsOf(pod, user, id)).length, 10);
  });

  it("in Redis are looked for once more when it has lost them", { skip: withoutRedis }, async () => {
    const redis = openRedis({ url: server!.url, log: createLog("silent"), commandTimeoutMs: 10_000 });
    after(() => redis.stop());
    await redis.untilReady();
    const pod = await startPod({ redis });
    const user = randomUUID();
    rig.messenger.messages = newMessages(1_500);
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
    const redis = openRedis({ url: server!.url, log: createLog("silent"), commandTimeoutMs: 10_000 });
    after(() => redis.stop());
    await redis.untilReady();
    const pod = await startPod({ redis });
    const user = randomUUID();
    rig.messenger.messages = newMessages(1_500);
    const { id } = await createTask(pod, user);
    await ended(pod, user, id);
    assert.equal(await server!.command("DBSIZE"), ":2");
    await pod.search.deleteSearchTask({ id }, as(user));
    assert.equal(await server!.command("DBSIZE"), ":0");
  });
});
