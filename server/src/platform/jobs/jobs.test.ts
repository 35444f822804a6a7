/** What a queue promises, by either engine. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createDatabase } from "#platform/database.ts";
import { toPublicError } from "#platform/errors.ts";
import type { JobHandler, QueueOptions } from "#platform/jobs/jobs.ts";
import { createLog } from "#platform/log.ts";
import { createTestDatabase } from "#test/database.ts";
import { startDatabaseLine } from "#test/database-line.ts";
import {
  type JobPodOptions,
  killed,
  startJobPod,
  startJobProcess,
  stopJobPodsAtTheEnd,
  type Work,
} from "#test/job-pods.ts";
import { type RabbitMqServer, startRabbitMq, withoutRabbitMq } from "#test/rabbitmq-server.ts";
import { until } from "#test/until.ts";

stopJobPodsAtTheEnd();
const { database, url: databaseUrl } = await createTestDatabase();
const rabbitMq: RabbitMqServer | undefined = withoutRabbitMq ? undefined : await startRabbitMq();

const engines = [
  { engine: "postgres", amqpUrl: undefined, skip: false },
  { engine: "rabbitmq", amqpUrl: rabbitMq?.url, skip: withoutRabbitMq },
];

for (const { engine, amqpUrl, skip } of engines) describe(engine, { skip }, () => suite(engine, amqpUrl));

function suite(engine: string, amqpUrl: string | undefined) {
  let services = 0;
  const newService = () => `${engine}_${++services}`;

  function pod(handler: JobHandler<Work>, options: Partial<JobPodOptions> = {}) {
    return startJobPod({ service: newService(), database, amqpUrl, handler, ...options });
  }

  /** One that notes which jobs it did. */
  async function notingPod(options: Partial<JobPodOptions> = {}, service = newService()) {
    const done: string[] = [];
    const note = async ({ data }: { data: Work }) => void done.push(data.name);
    return { done, service, ...(await pod(note, { ...options, service })) };
  }

  const settled = async ({ jobs }: Awaited<ReturnType<typeof pod>>) => {
    const [counts] = await jobs.inspection.counts();
    return counts!.waiting + counts!.delayed + counts!.running === 0;
  };

  test("a job runs when the transaction that asks for it is committed, and never when it is rolled back", async () => {
    const one = await notingPod();
    const failing = database.transaction(async (tx) => {
      await one.queue.enqueue(tx, { name: "rolled back" });
      throw new Error("no");
    });
    await assert.rejects(failing);
    one.queue.wake();
    await one.enqueue("committed");
    await until("it is done", () => one.done.length > 0);
    await until("nothing is left", () => settled(one));
    assert.deepEqual(one.done, ["committed"]);
  });

  test("a job that nobody woke for runs all the same", async () => {
    const one = await notingPod();
    await database.transaction((tx) => one.queue.enqueue(tx, { name: "quiet" }));
    await until("it is done", () => one.done.length === 1);
  });

  test("a job for later waits for its time, and keeps none that is due", async () => {
    const one = await notingPod();
    await one.enqueue("much later", { afterMs: 3_600_000 });
    const startedAtMs = performance.now();
    await one.enqueue("soon", { afterMs: 1_200 });
    await one.enqueue("now");
    await until("what is due is done", () => one.done.includes("now") && one.done.includes("soon"));
    assert.ok(performance.now() - startedAtMs >= 1_190);
    assert.equal((await one.jobs.inspection.counts())[0]!.delayed, 1);
    assert.equal(one.done.length, 2);
  });

  test("a job that fails is tried again, with its data and the number of the attempt", async () => {
    const attempts: number[] = [];
    const one = await pod(async ({ attempt, data }) => {
      attempts.push(attempt);
      assert.equal(data.name, "flaky");
      if (attempt < 3) throw new Error("not yet");
    });
    await one.enqueue("flaky");
    await until("it is done", () => attempts.length === 3);
    await until("nothing is left", () => settled(one));
    assert.deepEqual(attempts, [1, 2, 3]);
    assert.equal((await one.jobs.inspection.counts())[0]!.dead, 0);
  });

  test("a job that fails too often is kept, told of, taken up again or thrown away", async () => {
    let isBroken = true;
    const done: string[] = [];
    const work: JobHandler<Work> = async ({ data }) => {
      if (isBroken) throw new Error(`cannot do it`);
      done.push(data.name);
    };
    const one = await pod(work, { queue: { maxAttempts: 2 } });
    const { inspection } = one.jobs;
    for (const name of ["a", "b", "c"]) await one.enqueue(name);
    await until("all are dead", async () => (await inspection.counts())[0]!.dead === 3);
    const dead = await inspection.dead("work", 10);
    assert.deepEqual(dead.map(({ data }) => (data as Work).name).sort(), ["a", "b", "c"]);
    for (const { attempts, error, queue, failedAt } of dead) {
      assert.deepEqual([attempts, error, queue], [2, "Error: cannot do it", "work"]);
      assert.ok(Math.abs(failedAt.getTime() - Date.now()) < 60_000);
    }
    assert.equal((await inspection.dead("work", 2)).length, 2);
    isBroken = false;
    const idOf = (name: string) => dead.find(({ data }) => (data as Work).name === name)!.id;
    assert.equal(await inspection.requeue("work", [idOf("a"), "no-such-id"]), 1);
    await until("a is done", () => done.length === 1);
    assert.equal(await inspection.discard("work", [idOf("b")]), 1);
    assert.equal(await inspection.requeue("work"), 1);
    await until("c is done", () => done.length === 2);
    assert.deepEqual(done, ["a", "c"]);
    assert.equal(await inspection.discard("work"), 0);
    assert.equal(await inspection.requeue("elsewhere"), 0);
  });

  test("a handler that takes too long is aborted, and has failed", async () => {
    const reasons: unknown[] = [];
    const one = await pod(
      ({ attempt }, signal) =>
        attempt > 1
          ? Promise.resolve()
          : new Promise((_, reject) => {
              signal.addEventListener("abort", () => {
                reasons.push(toPublicError(signal.reason).code);
                reject(signal.reason);
              });
            }),
      { queue: { timeoutMs: 200 } },
    );
    await one.enqueue("slow");
    await until("it was aborted", () => reasons.length === 1);
    await until("nothing is left", () => settled(one));
    assert.deepEqual(reasons, ["timeout"]);
  });

  test("no more jobs at once than the queue allows", async () => {
    let running = 0;
    let most = 0;
    let done = 0;
    const one = await pod(async () => {
      most = Math.max(most, ++running);
      await delay(20);
      running -= 1;
      done += 1;
    });
    for (let i = 0; i < 12; i++) await one.enqueue(String(i));
    await until("all are done", () => done === 12);
    assert.equal(most, 2);
  });

  test("two pods share the work, and do each job once", async () => {
    const service = newService();
    const done: string[] = [];
    const begun = new Set<number>();
    const bothWork = Promise.withResolvers<void>();
    const working = (pod: number) => async (job: { data: Work }) => {
      begun.add(pod);
      if (begun.size === 2) bothWork.resolve();
      await bothWork.promise;
      done.push(job.data.name);
    };
    const queue = { timeoutMs: 60_000 };
    const first = await pod(working(1), { service, queue });
    const second = await pod(working(2), { service, queue });
    for (let i = 0; i < 20; i++) await (i % 2 ? first : second).enqueue(String(i));
    await until("all are done", () => done.length >= 20);
    await until("nothing is left", () => settled(first));
    assert.equal(new Set(done).size, 20);
    assert.equal(done.length, 20);
  });

  test("a stop lets a handler finish", async () => {
    let hasEnded = false;
    const begun = Promise.withResolvers<void>();
    const one = await pod(async () => {
      begun.resolve();
      await delay(300);
      hasEnded = true;
    });
    await one.enqueue("short");
    await begun.promise;
    await one.jobs.stop(5_000);
    assert.ok(hasEnded);
  });

  test("what a stop interrupts is done by another pod, and soon, as the same attempt", async () => {
    const service = newService();
    const begun = Promise.withResolvers<void>();
    const queue: Partial<QueueOptions> = { timeoutMs: 60_000 };
    const first = await pod(
      (_, signal) => {
        begun.resolve();
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
      { service, queue },
    );
    await first.enqueue("long");
    await begun.promise;
    const attempts: number[] = [];
    await pod(async ({ attempt }) => void attempts.push(attempt), { service, queue });
    await first.jobs.stop(2_000);
    // Much sooner than after the timeout.
    await until("the other did it", () => attempts.length === 1);
    assert.deepEqual(attempts, [1]);
  });

  test("a job whose process is killed is done once more, its effect once", async () => {
    const service = newService();
    const table = `effects_${service}`;
    await database.withClient((client) => client.query(`CREATE TABLE ${table} (job text PRIMARY KEY)`));
    const effect = {
      name: `effect-${service}`,
      text: `INSERT INTO ${table} VALUES ($1) ON CONFLICT DO NOTHING RETURNING job`,
    };
    // So long that its attempt is not over before it is killed.
    const queue = { timeoutMs: 8_000 };
    const child = startJobProcess({ databaseUrl, amqpUrl, service, fate: "hang", queue });
    await once(child.stdout!, "data");
    const attempts: number[] = [];
    let effects = 0;
    const work: JobHandler<Work> = async ({ attempt, data }) => {
      attempts.push(attempt);
      effects += (await database.query(effect, [data.name])).length;
    };
    const other = await pod(work, { service, queue });
    assert.deepEqual(attempts, []);
    await killed(child);
    await until("it was done", () => attempts.length > 0, 40_000);
    await until("nothing is left", () => settled(other));
    assert.deepEqual(attempts, [2]);
    assert.equal(effects, 1);
  });

  test("too many jobs are refused, and taken again when some are done", async () => {
    const gate = Promise.withResolvers<void>();
    const one = await pod(() => gate.promise, {
      maxWaiting: 10,
      queue: { concurrency: 1, timeoutMs: 60_000 },
    });
    let taken = 0;
    const enqueueMany = async () => {
      for (; taken < 50; taken++) await one.enqueue(String(taken));
    };
    await assert.rejects(enqueueMany, (error) => {
      assert.equal(toPublicError(error).code, "overloaded");
      return true;
    });
    // One may run; and what is counted while it is on its way is counted twice.
    assert.ok(taken > 0 && taken <= 11, `${taken} were taken`);
    gate.resolve();
    await until("there is room", async () => {
      await delay(100);
      return one.enqueue("more").then(
        () => true,
        () => false,
      );
    });
  });

  test("work goes on when the database was away", async () => {
    const line = await startDatabaseLine(databaseUrl);
    const limits = { maxConnections: 5, acquireTimeoutMs: 10_000, statementTimeoutMs: 10_000 };
    const options = { connectionString: line.url, applicationName: "jobs-test", ...limits };
    const shaky = createDatabase(options, createLog("silent"));
    const one = await notingPod({ database: shaky });
    await one.enqueue("before");
    await until("the first is done", () => one.done.length === 1);
    line.cut();
    await assert.rejects(one.enqueue("lost"), (error) => toPublicError(error).code === "unavailable");
    await delay(500);
    await line.restore();
    await until("it takes jobs again", () =>
      one.enqueue("after").then(
        () => true,
        () => false,
      ),
    );
    await until("the second is done", () => one.done.includes("after"));
    await one.jobs.stop(1_000);
    await shaky.close();
  });
}
