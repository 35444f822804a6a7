/** A queue that RabbitMQ lists and cannot serve, as after a crash: its own jobs wait, and no others. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createOutbox } from "#platform/jobs/amqp/outbox.ts";
import { createPublisher } from "#platform/jobs/amqp/publisher.ts";
import { createJobs } from "#platform/jobs/create-jobs.ts";
import type { JobQueue, Jobs } from "#platform/jobs/jobs.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { createTestDatabase } from "#test/database.ts";
import { stopJobPodsAtTheEnd, type Work } from "#test/job-pods.ts";
import { jobQueue } from "#test/job-queue.ts";
import { type RabbitMqServer, startRabbitMq, withoutRabbitMq } from "#test/rabbitmq-server.ts";
import { until } from "#test/until.ts";

const skip = withoutRabbitMq;
stopJobPodsAtTheEnd();
const { database } = await createTestDatabase();
const rabbitMq: RabbitMqServer = skip ? (undefined as never) : await startRabbitMq();
const service = "stuck_service";

interface Pod {
  jobs: Jobs;
  done: string[];
  lines: string[];
  enqueue(queue: "stuck" | "well", name: string): Promise<void>;
}

async function startPod(): Promise<Pod> {
  const done: string[] = [];
  const lines: string[] = [];
  const log = createLog("info", { write: (line) => void lines.push(line) });
  const options = {
    service,
    database,
    amqpUrl: rabbitMq.url,
    maxWaiting: 1_000,
    telemetry: noTelemetry,
    log,
  };
  const jobs = createJobs(options);
  const queueNamed = (name: string): JobQueue<Work> =>
    jobs.queue<Work>({ ...jobQueue, name }, async ({ data }) => void done.push(data.name));
  const queues = { stuck: queueNamed("stuck"), well: queueNamed("well") };
  await jobs.start();
  return {
    jobs,
    done,
    lines,
    async enqueue(queue, name) {
      await database.transaction((tx) => queues[queue].enqueue(tx, { name }));
      queues[queue].wake();
    },
  };
}

/** The process in RabbitMQ that has the queue answers nobody. */
const suspend = () => rabbitMq.control("eval", `sys:suspend('%2F_parley.${service}.stuck').`);
const resume = () => rabbitMq.control("eval", `sys:resume('%2F_parley.${service}.stuck').`);
const isDone = ({ done }: Pod, name: string) => until(`${name} is done`, () => done.includes(name), 30_000);
const says = ({ lines }: Pod, text: string) => lines.some((line) => line.includes(text));

test("a queue that RabbitMQ does not serve holds up no other, and is named in the log", {
  skip,
}, async () => {
  const one = await startPod();
  await one.enqueue("stuck", "first stuck");
  await one.enqueue("well", "first well");
  await isDone(one, "first stuck");
  await isDone(one, "first well");
  await suspend();
  const linesBefore = one.lines.length;
  try {
    await one.enqueue("stuck", "second stuck");
    await one.enqueue("well", "second well");
    await isDone(one, "second well");
    await until("it is told", () => says(one, `"queue":"parley.${service}.stuck"`));
    await one.enqueue("well", "third well");
    await isDone(one, "third well");
    const lost = one.lines.slice(linesBefore).filter((line) => line.includes("no connection to RabbitMQ"));
    assert.deepEqual(
      lost.filter((line) => line.includes(`parley.${service}.well`)),
      [],
    );
    await one.jobs.stop(0);

    const two = await startPod();
    await two.enqueue("well", "fourth well");
    await isDone(two, "fourth well");
    await resume();
    await isDone(two, "second stuck");
    await two.jobs.stop(0);
  } finally {
    await resume();
  }
});

test("a job is not lost with a queue that was made just before RabbitMQ was killed", { skip }, async () => {
  const newService = "new_service";
  const outbox = createOutbox(database, newService);
  const parts = { service: newService, database, outbox, queue: "work", onError: () => {} };
  const publisher = createPublisher({ ...parts, url: rabbitMq.url, log: createLog("silent") });
  const ready = () => publisher.countReady().catch(() => -1);
  const message = { id: randomUUID(), queue: "work", attempt: 1, data: {}, traceparent: null };
  await outbox.put(database, message, 0);
  publisher.start();
  try {
    await until("the queue is there", async () => (await ready()) >= 0);
    // Nothing tells the moment at which RabbitMQ has written down that there is the queue.
    await delay(200);
    await rabbitMq.kill();
    await rabbitMq.start();
    // As docs/jobs.md says. It refuses for a queue that it could start.
    await rabbitMq.control("eval", `ra:trigger_election({'%2F_parley.${newService}.work', node()}).`);
    await until("the job is in the queue", async () => (await ready()) === 1, 30_000);
  } finally {
    await publisher.stop();
  }
});
