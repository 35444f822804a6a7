/** Search tasks with RabbitMQ between those who ask and those who search: they wait for it, and outlive it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, it } from "node:test";
import type { SearchTaskJson } from "@parley/api/v2/search";
import pg from "pg";
import { startParley } from "#test/parley.ts";
import { type Account, createAccount } from "#test/people.ts";
import { startRabbitMq, withoutRabbitMq } from "#test/rabbitmq-server.ts";
import { SocketClient } from "#test/socket-client.ts";
import { until } from "#test/until.ts";

const broker = withoutRabbitMq ? undefined : await startRabbitMq();
const parley = await startParley({
  ...(broker ? { AMQP_URL: broker.url } : {}),
  PARLEY_SEARCH_TASK_EXPIRY_MS: "20000",
  PARLEY_SEARCH_TASK_TIMEOUT_MS: "60000",
  PARLEY_THROTTLING: "off",
});
const backWithinMs = 60_000;

async function call(account: Account, path: string, body?: object) {
  const headers = {
    authorization: `Bearer ${account.token}`,
    ...(body ? { "content-type": "application/json" } : {}),
  };
  const init = body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers };
  const response = await fetch(`${parley.url}/v2${path}`, init);
  assert.equal(response.status, 200, `${path}: ${response.status}`);
  // biome-ignore lint/suspicious/noExplicitAny: answers of several methods
  return (await response.json()) as any;
}

const newTask = async (account: Account, query: string): Promise<SearchTaskJson> =>
  (await call(account, "/search-tasks", { query })).task;
const statusesOf = (account: Account, tasks: SearchTaskJson[]): Promise<string[]> =>
  Promise.all(tasks.map(async ({ id }) => (await call(account, `/search-tasks/${id}`)).task.status));

async function allDone(account: Account, tasks: SearchTaskJson[]) {
  let statuses: string[] = [];
  await until(
    () => `all are done: ${statuses}`,
    async () => {
      statuses = await statusesOf(account, tasks);
      return statuses.every((status) => status === "done");
    },
    backWithinMs,
  );
}

const ada = await createAccount(parley.url, "Ada");
const { chat } = await call(ada, "/chats", { kind: "group", title: "Zoo" });
for (let count = 0; count < 5; count++) {
  await call(ada, `/chats/${chat.id}/messages`, { clientId: randomUUID(), text: `quokka ${count}` });
}
const socket = await SocketClient.open(parley.wsUrl, ada.token);
await socket.resume();
const told = () => socket.events.flatMap(({ kind, search }) => (kind === "search" ? [search?.id] : []));
const database = new pg.Client({ connectionString: parley.databaseUrl });
// The server of the tests ends before the file does.
database.on("error", () => {});
await database.connect();
after(() => database.end());

describe("search tasks with RabbitMQ", { skip: withoutRabbitMq }, () => {
  async function eachHasOneEnd(tasks: SearchTaskJson[]) {
    await allDone(ada, tasks);
    const ids = tasks.map(({ id }) => id).sort();
    const pushed = () =>
      told()
        .filter((id) => ids.includes(id))
        .sort();
    await until("the pushes", () => pushed().length >= ids.length);
    assert.deepEqual(pushed(), ids);
  }

  async function eachHasFoundAll(tasks: SearchTaskJson[]) {
    await eachHasOneEnd(tasks);
    for (const { id } of tasks) {
      const { hits } = await call(ada, `/search-tasks/${id}/results`);
      assert.equal(hits.length, 5);
    }
  }

  it("are done", async () => {
    await eachHasFoundAll([await newTask(ada, "quokka"), await newTask(ada, "quokka from:me")]);
  });

  it("are accepted while it is away, and wait until it is back", async () => {
    await broker!.kill();
    const tasks = await Promise.all(Array.from({ length: 5 }, () => newTask(ada, "quokka")));
    const { hits } = await call(ada, "/search?q=quokka");
    assert.equal(hits.length, 5);
    assert.deepEqual(new Set(await statusesOf(ada, tasks)), new Set(["waiting"]));
    await broker!.start();
    await eachHasFoundAll(tasks);
  });

  it("have one end when it is killed while they run", async () => {
    await database.query("BEGIN; LOCK TABLE messenger.messages IN ACCESS EXCLUSIVE MODE");
    const tasks = await Promise.all(Array.from({ length: 4 }, () => newTask(ada, "quokka")));
    await until("two of them run", async () => {
      const statuses = await statusesOf(ada, tasks);
      return statuses.filter((status) => status === "running").length === 2;
    });
    await broker!.kill();
    await database.query("COMMIT");
    await until("one has ended", async () => (await statusesOf(ada, tasks)).includes("done"));
    // Nobody told it that they are done: they are handed out once more.
    await broker!.start();
    await eachHasOneEnd(tasks);
  });

  it("leave nothing behind when their time is over", async () => {
    let left: unknown;
    await until(
      () => `all tables are empty: ${JSON.stringify(left)}`,
      async () => {
        const { rows } = await database.query(`SELECT (SELECT count(*) FROM search.tasks)::int AS tasks,
          (SELECT count(*) FROM search.results)::int AS results,
          (SELECT coalesce(jsonb_agg(to_jsonb(m)), '[]') FROM job_outbox.messages m) AS waiting,
          (SELECT count(*) FROM job_outbox.dead)::int AS dead`);
        left = rows[0];
        const { tasks, results, waiting, dead } = rows[0];
        return tasks + results + waiting.length + dead === 0;
      },
      backWithinMs,
    );
    const ready = async () => (await broker!.control("list_queues", "messages")).split("\n").map(Number);
    await until("its queues are empty", async () => (await ready()).every((count) => !(count > 0)));
  });
});
