/** RabbitMQ away, frozen, full, or meddled with: jobs wait, and none is lost. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { connect } from "amqplib";
import { createOutbox } from "#platform/jobs/amqp/outbox.ts";
import { createPublisher } from "#platform/jobs/amqp/publisher.ts";
import { createJobs } from "#platform/jobs/create-jobs.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { createTestDatabase } from "#test/database.ts";
import { startJobPod, startJobProcess, stopJobPodsAtTheEnd } from "#test/job-pods.ts";
import { jobQueue } from "#test/job-queue.ts";
import { type RabbitMqServer, startRabbitMq, withoutRabbitMq } from "#test/rabbitmq-server.ts";
import { until } from "#test/until.ts";

const skip = withoutRabbitMq;
stopJobPodsAtTheEnd();
const { database, url: databaseUrl } = await createTestDatabase();
const rabbitMq: RabbitMqServer = skip ? (undefined as never) : await startRabbitMq();
const names = (count: number) => Array.from({ length: count }, (_, i) => `job ${i}`);

/**
 * RabbitMQ 3.10 writes down twice a second which quorum queues it has; killed before, it cannot start a new one again.
 * Here it does so at once.
 */
const writeQueuesDown = () => rabbitMq.control("eval", "[dets:sync(Table) || Table <- dets:all()].");

let services = 0;
async function notingPod(service = `trouble_${++services}`) {
  const done: string[] = [];
  const lines: string[] = [];
  const handler = async ({ data }: { data: { name: string } }) => void done.push(data.name);
  const log = createLog("info", { write: (line) => void lines.push(line) });
  const pod = await startJobPod({ service, database, amqpUrl: rabbitMq.url, handler, log });
  return { done, lines, service, ...pod };
}

/** What the publisher sends stays locked until it is confirmed. */
const countFree = {
  name: "count-free",
  text: `SELECT count(*)::int AS free FROM
    (SELECT 1 FROM job_outbox.messages WHERE service = $1 FOR SHARE SKIP LOCKED) AS one`,
};

type Noting = Awaited<ReturnType<typeof notingPod>>;

const allDone = ({ done }: Noting, wanted: readonly string[]) =>
  until(
    () => `${wanted.length} jobs are done, of which ${new Set(done).size} are`,
    () => wanted.every((name) => done.includes(name)),
    60_000,
  );

test("jobs asked for while RabbitMQ is killed and started again all run", { skip }, async () => {
  const one = await notingPod();
  await one.enqueue("before");
  await allDone(one, ["before"]);
  const wanted = names(150);
  await writeQueuesDown();
  for (const [index, name] of wanted.entries()) {
    if (index === 50) await rabbitMq.kill();
    if (index === 100) await rabbitMq.start();
    await one.enqueue(name);
  }
  await allDone(one, wanted);
});

test("a start does not need RabbitMQ", { skip }, async () => {
  await rabbitMq.kill();
  const one = await notingPod();
  await one.enqueue("early");
  const [counts] = await one.jobs.inspection.counts();
  assert.deepEqual(counts, { queue: "work", delayed: 0, waiting: 1, running: 0, dead: 0 });
  await rabbitMq.start();
  await allDone(one, ["early"]);
});

test("jobs asked for while RabbitMQ is frozen all run, and asking does not wait for it", {
  skip,
}, async () => {
  const one = await notingPod();
  await one.enqueue("before");
  await allDone(one, ["before"]);
  process.kill(rabbitMq.pid, "SIGSTOP");
  const isGivenUp = () => one.lines.some((line) => line.includes("does not confirm the jobs of a queue"));
  let askedInTime = 0;
  try {
    for (const name of names(20)) {
      await one.enqueue(name);
      if (!isGivenUp()) askedInTime += 1;
    }
    assert.ok(askedInTime > 0, "the first was asked for before a confirm could come or be given up");
    // What was sent by then is sent again.
    await until("a confirm is given up", isGivenUp);
    assert.deepEqual(one.done, ["before"]);
  } finally {
    process.kill(rabbitMq.pid, "SIGCONT");
  }
  await allDone(one, names(20));
});

test("jobs that were sent to a RabbitMQ that is frozen, and then killed, all run", { skip }, async () => {
  const one = await notingPod();
  await one.enqueue("before");
  await allDone(one, ["before"]);
  await writeQueuesDown();
  process.kill(rabbitMq.pid, "SIGSTOP");
  for (const name of names(20)) await one.enqueue(name);
  await until("some wait for a confirm", async () => {
    const [row] = await database.query<{ free: number }>(countFree, [one.service]);
    return row!.free < 20;
  });
  await rabbitMq.kill();
  await rabbitMq.start();
  await allDone(one, names(20));
});

test("jobs wait while RabbitMQ is short of memory", { skip }, async () => {
  const one = await notingPod();
  await one.enqueue("before");
  await allDone(one, ["before"]);
  await rabbitMq.control("set_vm_memory_high_watermark", "0.000001");
  try {
    for (const name of names(20)) await one.enqueue(name);
  } finally {
    await rabbitMq.control("set_vm_memory_high_watermark", "0.4");
  }
  await allDone(one, names(20));
});

test("a process killed between a confirm and the end of its transaction loses no job", { skip }, async () => {
  const service = `trouble_${++services}`;
  const child = startJobProcess({ databaseUrl, amqpUrl: rabbitMq.url, service, fate: "die-published" });
  const [, signal] = await once(child, "exit");
  assert.equal(signal, "SIGKILL");
  const one = await notingPod(service);
  await allDone(one, ["precious"]);
});

test("a queue that somebody deleted is made again", { skip }, async () => {
  const one = await notingPod();
  await one.enqueue("before");
  await allDone(one, ["before"]);
  await rabbitMq.control("delete_queue", `parley.${one.service}.work`);
  for (const name of names(5)) await one.enqueue(name);
  await allDone(one, names(5));
});

test("a message that no queue takes stays in the outbox until there is one", { skip }, async () => {
  const service = `trouble_${++services}`;
  const lines: string[] = [];
  const log = createLog("debug", { write: (line) => void lines.push(line) });
  const outbox = createOutbox(database, service);
  const options = { url: rabbitMq.url, service, database, outbox, queue: "work", onError: () => {}, log };
  const publisher = createPublisher(options);
  publisher.start();
  await until("there is a queue", () =>
    publisher.countReady().then(
      () => true,
      () => false,
    ),
  );
  await rabbitMq.control("delete_queue", `parley.${service}.work`);
  const message = { id: randomUUID(), queue: "work", attempt: 1, data: {}, traceparent: null };
  await outbox.put(database, message, 0);
  publisher.wake();
  await until("it is told", () => lines.some((line) => line.includes("a queue is missing")));
  await until(
    "it is in the queue made anew",
    async () => (await publisher.countReady().catch(() => 0)) === 1,
  );
  await publisher.stop();
  assert.equal(await outbox.countWaiting(), 0);
});

test("what is no job of Parley's is buried, and what comes after it runs", { skip }, async () => {
  const one = await notingPod();
  await one.enqueue("before");
  await allDone(one, ["before"]);
  const connection = await connect(rabbitMq.url);
  const channel = await connection.createConfirmChannel();
  channel.sendToQueue(`parley.${one.service}.work`, Buffer.from("{nonsense"));
  await channel.waitForConfirms();
  await connection.close();
  await until("it is buried", async () => (await one.jobs.inspection.counts())[0]!.dead === 1);
  const [dead] = await one.jobs.inspection.dead("work", 10);
  assert.equal(dead!.error, "not a job of Parley");
  await one.enqueue("after");
  await allDone(one, ["after"]);
});

test("needs no more rights than docs/jobs.md says", { skip }, async () => {
  await rabbitMq.control("add_user", "parley", "secret");
  const rights = ["^parley\\.", "^(parley\\.|amq\\.default$)", "^parley\\."];
  await rabbitMq.control("set_permissions", "parley", ...rights);
  const amqpUrl = Object.assign(new URL(rabbitMq.url), { username: "parley", password: "secret" }).href;
  const done: string[] = [];
  const handler = async ({ data }: { data: { name: string } }) => void done.push(data.name);
  const pod = await startJobPod({ service: `trouble_${++services}`, database, amqpUrl, handler });
  await pod.enqueue("allowed");
  await until("it is done", () => done.length === 1);
});

test("no log tells the password", { skip }, async () => {
  const lines: string[] = [];
  const log = createLog("debug", { write: (line) => void lines.push(line) });
  const url = Object.assign(new URL(rabbitMq.url), { username: "somebody", password: "s3cr%65t" }).href;
  const options = { service: "nobody", database, amqpUrl: url, maxWaiting: 10, telemetry: noTelemetry, log };
  const jobs = createJobs(options);
  jobs.queue(jobQueue, async () => {});
  await jobs.start();
  await until("it says that it cannot connect", () => lines.some((line) => line.includes("ACCESS_REFUSED")));
  await jobs.stop(0);
  for (const line of lines) assert.doesNotMatch(line, /s3cr|somebody/);
});
