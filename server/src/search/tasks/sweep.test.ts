import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, describe, it } from "node:test";
import type { DeadJob } from "#platform/jobs/jobs.ts";
import { createLog } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import { readSettings } from "#platform/settings.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { searchSettings } from "#search/config.ts";
import { createResults } from "#search/results/create-results.ts";
import { createSearchMetrics } from "#search/search-metrics.ts";
import { migrationsFolder } from "#search/service.ts";
import { createTasks } from "#search/tasks/create-tasks.ts";
import { sweep } from "#search/tasks/sweep.ts";
import type { RunJob, TaskQueues } from "#search/tasks/task-queues.ts";
import type { TaskRow } from "#search/tasks/task-row.ts";
import { createTestDatabase } from "#test/database.ts";

const { database } = await createTestDatabase();
const log = createLog("silent");
await migrate(database, "search", migrationsFolder, log);

const ages = { expiredForMs: 30_000, staleMs: 600_000, givenUpMs: 86_400_000 };
const enqueued: RunJob[] = [];
const expiries: object[] = [];
const ended: TaskRow[] = [];
let dead: DeadJob[] = [];

const queues: TaskQueues = {
  run: { enqueue: async (_tx, data) => void enqueued.push(data), wake() {} },
  expire: { enqueue: async (_tx, data) => void expiries.push(data), wake() {} },
};
const config = readSettings(searchSettings, {}, []);
const results = createResults({ database, redis: undefined, expiryMs: 1_000, log });
const tasks = createTasks({ config, database, results, queues, onEnd: (task) => void ended.push(task) });
const inspection = {
  counts: async () => [],
  dead: async () => dead,
  requeue: async () => 0,
  async discard(_queue: string, ids: readonly string[] = []) {
    dead = dead.filter(({ id }) => !ids.includes(id));
    return ids.length;
  },
};
const metrics = createSearchMetrics(noTelemetry);
const run = () => sweep({ config, database, tasks, results, queues, inspection, metrics }, ages);

afterEach(async () => {
  await database.query({ name: "forget", text: "DELETE FROM search.tasks" });
  for (const list of [enqueued, expiries, ended]) list.length = 0;
});

interface LeftTask {
  userId?: string;
  status: string;
  createdMs?: number;
  queuedMs?: number | null;
  startedMs?: number | null;
  expiredMs?: number | null;
}

/** Ages are before now. */
async function leave(task: LeftTask): Promise<string> {
  const {
    userId = randomUUID(),
    status,
    createdMs = 0,
    queuedMs = null,
    startedMs = null,
    expiredMs = null,
  } = task;
  const id = randomUUID();
  const ago = (place: number) => `clock_timestamp() - $${place} * interval '1 millisecond'`;
  const text = `INSERT INTO search.tasks (task_id, user_id, query, status, created_at, queued_at, started_at, expires_at)
                VALUES ($1, $2, 'whale', $3, ${ago(4)}, ${ago(5)}, ${ago(6)}, ${ago(7)})`;
  await database.query({ name: "leave", text }, [
    id,
    userId,
    status,
    createdMs,
    queuedMs,
    startedMs,
    expiredMs,
  ]);
  return id;
}

const left = async () =>
  new Map(
    (
      await database.query<{ id: string; status: string }>({
        name: "left",
        text: "SELECT task_id AS id, status FROM search.tasks",
      })
    ).map(({ id, status }) => [id, status]),
  );

describe("the sweep", () => {
  it("forgets what has expired when its job did not", async () => {
    await leave({ status: "done", expiredMs: 31_000 });
    const kept = await leave({ status: "done", expiredMs: 29_000 });
    await run();
    assert.deepEqual([...(await left()).keys()], [kept]);
  });

  it("fails tasks whose job died, tells so once, and throws the job away", async () => {
    const userId = randomUUID();
    const id = await leave({ userId, status: "running", queuedMs: 1_000, startedMs: 1_000 });
    const next = await leave({ userId, status: "waiting" });
    const job = { queue: "search-task", attempts: 8, failedAt: new Date(), error: "killed" };
    dead = [
      { ...job, id: "1", data: { taskId: id } },
      { ...job, id: "2", data: { taskId: randomUUID() } },
      { ...job, id: "3", data: "nonsense" },
      { ...job, id: "4", data: { taskId: "none" } },
    ];
    await run();
    await run();
    assert.equal((await left()).get(id), "failed");
    assert.deepEqual(
      ended.map(({ id, errorCode }) => [id, errorCode]),
      [[id, "search-unavailable"]],
    );
    assert.deepEqual(dead, []);
    assert.deepEqual(expiries, [{ taskId: id, attempt: 0 }]);
    assert.deepEqual(enqueued, [{ taskId: next }], "there is a place free for it");
  });

  it("asks once more for what no worker has begun in a long time, and once only", async () => {
    const running = await leave({ status: "running", queuedMs: 700_000, startedMs: 601_000 });
    const waiting = await leave({ status: "waiting", queuedMs: 601_000 });
    await leave({ status: "running", queuedMs: 700_000, startedMs: 5_000 });
    await leave({ status: "waiting", queuedMs: 500_000 });
    await run();
    assert.deepEqual(enqueued.map(({ taskId }) => taskId).sort(), [running, waiting].sort());
    await run();
    assert.equal(enqueued.length, 2);
  });

  it("queues what waits without a job although there is room", async () => {
    const userId = randomUUID();
    await leave({ userId, status: "running", queuedMs: 10, startedMs: 10 });
    const oldest = await leave({ userId, status: "waiting", createdMs: 20 });
    await leave({ userId, status: "waiting", createdMs: 10 });
    await run();
    assert.deepEqual(enqueued, [{ taskId: oldest }]);
    await run();
    assert.equal(enqueued.length, 1);
  });

  it("gives up what nobody got to in a day", async () => {
    const id = await leave({ status: "waiting", createdMs: 86_500_000 });
    await run();
    assert.equal((await left()).get(id), "failed");
    assert.deepEqual(enqueued, []);
  });
});
