/** A process that is killed in the middle of a search task: another one does it once more, and it has one end. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, test } from "node:test";
import pg from "pg";
import { createTestDatabase } from "#test/database.ts";
import { spawnParley } from "#test/parley-process.ts";
import { createAccount, signIn } from "#test/people.ts";
import { SocketClient } from "#test/socket-client.ts";
import { until } from "#test/until.ts";

const { url } = await createTestDatabase();
const environment = {
  DATABASE_URL: url,
  PARLEY_SECRET_KEY: randomBytes(32).toString("base64"),
  // This test asks often how it stands.
  PARLEY_THROTTLING: "off",
  // Nothing but its death ends what the killed process has begun.
  PARLEY_SEARCH_TASK_TIMEOUT_MS: "120000",
};
/** pg-boss takes ten seconds to know that a process is dead. */
const takenOverWithinMs = 60_000;

/** Holds up whoever reads messages. */
async function lockMessages(): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("BEGIN");
  await client.query("LOCK TABLE messenger.messages IN ACCESS EXCLUSIVE MODE");
  let isLocked = true;
  const unlock = async () => {
    if (isLocked) await client.end();
    isLocked = false;
  };
  after(unlock);
  return unlock;
}

test("a task whose process was killed is done once more, with one effect", async () => {
  const doomed = await spawnParley(environment);
  const account = await createAccount(doomed.url, "Ada");
  const call = async (base: string, token: string, path: string, body?: object) => {
    const response = await fetch(`${base}/v2${path}`, {
      method: body ? "POST" : "GET",
      headers: {
        authorization: `Bearer ${token}`,
        ...(body ? { "content-type": "application/json" } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    assert.equal(response.status, 200, path);
    // biome-ignore lint/suspicious/noExplicitAny: answers of several methods
    return (await response.json()) as any;
  };
  const { chat } = await call(doomed.url, account.token, "/chats", { kind: "group", title: "Zoo" });
  for (let count = 0; count < 5; count++) {
    const message = { clientId: randomUUID(), text: `axolotl ${count}` };
    await call(doomed.url, account.token, `/chats/${chat.id}/messages`, message);
  }
  const unlock = await lockMessages();
  // The third waits for one of them, without a job.
  const ids: string[] = [];
  for (let count = 0; count < 3; count++) {
    const created = await call(doomed.url, account.token, "/search-tasks", { query: "axolotl" });
    ids.push(created.task.id);
  }
  const statuses = async (base: string, token: string) =>
    await Promise.all(
      ids.map(async (id) => (await call(base, token, `/search-tasks/${id}`)).task.status as string),
    );
  await until("two of them run", async () => {
    const now = await statuses(doomed.url, account.token);
    return now.join() === "running,running,waiting";
  });
  await doomed.end("SIGKILL");

  const survivor = await spawnParley(environment);
  const { token } = await signIn(survivor.url, account.email);
  const socket = await SocketClient.open(survivor.wsUrl, token);
  await socket.resume();
  assert.deepEqual(await statuses(survivor.url, token), ["running", "running", "waiting"]);
  await unlock();
  await until(
    "all are done",
    async () => (await statuses(survivor.url, token)).every((status) => status === "done"),
    takenOverWithinMs,
  );
  for (const id of ids) {
    const { hits } = await call(survivor.url, token, `/search-tasks/${id}/results`);
    assert.equal(hits.length, 5);
  }
  const told = () => socket.events.filter(({ kind }) => kind === "search").map(({ search }) => search?.id);
  await until("the pushes", () => told().length >= 3);
  assert.deepEqual(told().sort(), ids.toSorted());
});
