import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, it } from "node:test";
import { toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import { openRedis, type Redis } from "#platform/redis.ts";
import { createResults } from "#search/results/create-results.ts";
import { createDatabaseResults } from "#search/results/database-results.ts";
import { createRedisResults } from "#search/results/redis-results.ts";
import type { ResultStore } from "#search/results/results.ts";
import { migrationsFolder } from "#search/service.ts";
import { createTestDatabase } from "#test/database.ts";
import { type RedisServer, startRedis, withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";

const log = createLog("silent");
const { database } = await createTestDatabase();
await migrate(database, "search", migrationsFolder, log);
const server = withoutRedis ? undefined : await startRedis();
const redis = server && (await connect(server));

async function connect(server: RedisServer) {
  const redis = openRedis({ url: server.url, log, commandTimeoutMs: 10_000 });
  after(() => redis.stop());
  await redis.untilReady();
  return redis;
}

async function newTask(): Promise<string> {
  const id = randomUUID();
  const text = `INSERT INTO search.tasks (task_id, user_id, query, status, created_at)
                VALUES ($1, $1, 'whale', 'running', now())`;
  await database.query({ name: "new-task", text }, [id]);
  return id;
}

const idsUpTo = (count: number, name = "id") =>
  Array.from({ length: count }, (_, index) => `${name}-${index}`);

function describeStore(name: string, create: () => ResultStore, skip: string | false = false) {
  describe(`results in ${name}`, { skip }, () => {
    it("are read from any place to any other", async () => {
      const store = create();
      const key = { id: await newTask(), attempt: 1 };
      const ids = idsUpTo(3_210);
      await store.write(key, ids);
      for (const [from, to] of [
        [0, 3_210],
        [0, 1],
        [999, 1_001],
        [1_000, 2_000],
        [3_209, 3_210],
        [7, 7],
      ] as const) {
        assert.deepEqual(await store.read(key, from, to), ids.slice(from, to), `${from} to ${to}`);
      }
    });

    it("are those of their attempt, and the last that were written for it", async () => {
      const store = create();
      const id = await newTask();
      await store.write({ id, attempt: 1 }, idsUpTo(1_500, "early"));
      await store.write({ id, attempt: 1 }, idsUpTo(1_200, "late"));
      await store.write({ id, attempt: 2 }, idsUpTo(10, "other"));
      assert.deepEqual(await store.read({ id, attempt: 1 }, 0, 1_200), idsUpTo(1_200, "late"));
      assert.deepEqual(await store.read({ id, attempt: 2 }, 0, 10), idsUpTo(10, "other"));
    });

    it("are known to be lost, in part as well", async () => {
      const store = create();
      const key = { id: await newTask(), attempt: 1 };
      assert.equal(await store.read(key, 0, 10), undefined);
      await store.write(key, idsUpTo(1_100));
      assert.equal(await store.read(key, 1_050, 1_101), undefined, "more than there are");
      await store.remove(key, 1_100);
      assert.equal(await store.read(key, 1_000, 1_100), undefined);
      assert.equal(await store.read(key, 0, 100), undefined);
    });
  });
}

describeStore("the database", () => createDatabaseResults(database));
describeStore("Redis", () => createRedisResults(redis!, 60_000), withoutRedis);

describe("results with a Redis", { skip: withoutRedis }, () => {
  const expiryMs = 5_000;
  const create = (redis: Redis | undefined) => createResults({ database, redis, expiryMs, log });

  it("are there, and in no table, for as long as the task is kept", async () => {
    const id = await newTask();
    assert.equal(await create(redis).write({ id, attempt: 1 }, idsUpTo(1_001)), "redis");
    const keptMs = Number((await server!.command(`PTTL parley:search:{${id}}:1:1`)).slice(1));
    assert.ok(keptMs > expiryMs && keptMs <= expiryMs + 60_000, `${keptMs}`);
    assert.equal(await createDatabaseResults(database).read({ id, attempt: 1 }, 0, 1), undefined);
  });

  it("are lost with it, and not entrusted to it a second time", async () => {
    const results = create(redis);
    const id = await newTask();
    const task = { id, attempt: 1, resultsIn: await results.write({ id, attempt: 1 }, idsUpTo(5)) };
    assert.deepEqual(await results.read(task, 1, 3), ["id-1", "id-2"]);
    await server!.command("FLUSHALL");
    assert.equal(await results.read(task, 1, 3), undefined);
    assert.equal(await results.write({ id, attempt: 2 }, idsUpTo(5)), "database");
  });

  it("go to the database while it is away, and cannot be read from it meanwhile", async () => {
    const ours = await startRedis();
    const results = create(await connect(ours));
    const id = await newTask();
    const task = { id, attempt: 1, resultsIn: await results.write({ id, attempt: 1 }, idsUpTo(5)) };
    await ours.kill();
    const other = await newTask();
    assert.equal(await results.write({ id: other, attempt: 1 }, idsUpTo(5)), "database");
    const inDatabase = { id: other, attempt: 1, resultsIn: "database" } as const;
    assert.deepEqual(await results.read(inDatabase, 0, 5), idsUpTo(5));
    const problem = await results.read(task, 0, 5).then(() => undefined, toPublicError);
    assert.deepEqual([problem?.code, problem?.retryAfterMs], ["search-unavailable", 1_000]);
    await results.remove({ ...task, resultCount: 5 });
    await ours.start();
    await until("it is back", async () => (await results.read(task, 0, 5).catch(() => [])) === undefined);
  });

  it("are lost for a pod that has none", async () => {
    const task = { id: randomUUID(), attempt: 1, resultsIn: "redis" } as const;
    assert.equal(await create(undefined).read(task, 0, 5), undefined);
  });

  it("that are none are kept nowhere", async () => {
    const results = create(redis);
    const task = { id: randomUUID(), attempt: 1, resultsIn: await results.write({ id: "", attempt: 1 }, []) };
    assert.equal(task.resultsIn, "");
    assert.deepEqual(await results.read(task, 0, 0), []);
  });
});
