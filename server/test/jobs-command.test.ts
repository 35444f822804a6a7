/** `parley jobs`, as an operator runs it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createTestDatabase } from "#test/database.ts";
import { startJobPod, stopJobPodsAtTheEnd } from "#test/job-pods.ts";
import { spawnParley } from "#test/parley-process.ts";
import { startRabbitMq, withoutRabbitMq } from "#test/rabbitmq-server.ts";
import { until } from "#test/until.ts";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
stopJobPodsAtTheEnd();
const { database, url: databaseUrl } = await createTestDatabase();

interface Answer {
  code: number;
  out: string;
  err: string;
}

function parleyJobs(args: string[], environment: Record<string, string>): Promise<Answer> {
  const secret = environment.DATABASE_URL ? { PARLEY_SECRET_KEY: "A".repeat(44) } : {};
  const env = { PATH: process.env.PATH ?? "", ...secret, ...environment };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, "jobs", ...args], { env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

async function podWithDeadJobs(service: string, amqpUrl: string | undefined) {
  const handler = async () => {
    throw new Error("cannot do it");
  };
  const pod = await startJobPod({ service, database, amqpUrl, handler, queue: { maxAttempts: 1 } });
  for (const name of ["a", "b", "c"]) await pod.enqueue(name);
  await until("they are dead", async () => (await pod.jobs.inspection.counts())[0]!.dead === 3);
  await pod.jobs.stop(1_000);
  await pod.enqueue("waiting");
  return pod;
}

async function checkCommands(environment: Record<string, string>, row: RegExp) {
  const counts = await parleyJobs([], environment);
  assert.match(counts.out, /^queue +kept in +waiting +delayed +running +dead\n/);
  assert.match(counts.out, row);
  const dead = await parleyJobs(["dead", "work"], environment);
  const blocks = [...dead.out.matchAll(/^([0-9a-f-]{36}) {2}1 attempts {2}\S+Z\n {2}(.*)\n {2}(.*)\n/gm)];
  assert.deepEqual(
    blocks.map(([, , error]) => error),
    Array(3).fill("Error: cannot do it"),
  );
  assert.deepEqual(
    blocks.map(([, , , data]) => data).sort(),
    ["a", "b", "c"].map((name) => `{"name":"${name}"}`),
  );
  const [first, second] = blocks.map(([, id]) => id!);
  assert.equal((await parleyJobs(["requeue", "work", first!], environment)).out, "1 job queued again.\n");
  const again = await parleyJobs(["requeue", "work", first!, second!], environment);
  assert.deepEqual([again.code, again.out], [1, ""]);
  assert.match(again.err, /1 of 2 done/);
  assert.equal((await parleyJobs(["discard", "work"], environment)).code, 2);
  assert.equal((await parleyJobs(["discard", "work", "--all"], environment)).out, "1 job thrown away.\n");
  assert.equal((await parleyJobs(["dead", "work"], environment)).out, "No dead jobs.\n");
}

test("shows, queues again and throws away what PostgreSQL keeps", async () => {
  await podWithDeadJobs("command", undefined);
  await checkCommands({ DATABASE_URL: databaseUrl }, /^work +PostgreSQL +1 +0 +0 +3\n/m);
});

test("and what is kept for RabbitMQ, whether it answers or not", { skip: withoutRabbitMq }, async () => {
  await database.withClient((client) => client.query("DROP SCHEMA IF EXISTS command_jobs CASCADE"));
  const rabbitMq = await startRabbitMq();
  await podWithDeadJobs("command", rabbitMq.url);
  const environment = { DATABASE_URL: databaseUrl, AMQP_URL: rabbitMq.url };
  await checkCommands(environment, /^work +RabbitMQ +1 +0 +- +3\n/m);
  await rabbitMq.kill();
  const away = await parleyJobs([], environment);
  assert.match(away.out, /^work +RabbitMQ +3 +0 +- +0\nRabbitMQ was not asked or did not answer/m);
});

test("says what is wrong", async () => {
  const environment = { DATABASE_URL: databaseUrl };
  const unknown = await parleyJobs(["dead", "nothing"], environment);
  assert.deepEqual([unknown.code, unknown.out], [1, ""]);
  assert.match(unknown.err, /there is no queue "nothing"; there are: /);
  for (const args of [["explode"], ["dead"], ["dead", "work", "--limit", "x"], ["--what"]]) {
    const { code, err } = await parleyJobs(args, environment);
    assert.equal(code, 2, args.join(" "));
    assert.match(err, /Usage: parley jobs/);
  }
  assert.match((await parleyJobs(["--help"], {})).out, /^Usage: parley jobs/);
  const nowhere = await parleyJobs([], { PARLEY_DATA_DIR: join(tmpdir(), "parley-is-not-here") });
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /there is no database in .*parley-is-not-here yet/);
});

test("works on the built-in PostgreSQL of a Parley that runs, and of one that does not", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "parley-jobs-"));
  after(() => rm(dataDir, { recursive: true, force: true }));
  const parley = await spawnParley({ PARLEY_DATA_DIR: dataDir });
  const answer = /^(There are no queues yet\.\n|queue +kept in )/;
  const beside = await parleyJobs([], { PARLEY_DATA_DIR: dataDir });
  assert.deepEqual([beside.code, beside.err], [0, ""]);
  assert.match(beside.out, answer);
  assert.equal(await parley.end("SIGTERM"), 0);
  const alone = await parleyJobs([], { PARLEY_DATA_DIR: dataDir });
  assert.deepEqual([alone.code, alone.err], [0, ""]);
  assert.match(alone.out, answer);
});
