/** octo's daily allowance while processes are killed under load: the provider says what each user really had processed. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createTestDatabase } from "#test/database.ts";
import { askOf, type OldAnswer } from "#test/old-clients.ts";
import { spawnParley } from "#test/parley-process.ts";
import { withProviders } from "#test/process-caller.ts";
import { until } from "#test/until.ts";

const allowance = 120;
/** Of each user, at each pod, at once. */
const workers = 3;
const latencyMs = 10;

/** What it was asked for: "<user> <pod> <number>". */
const received: string[] = [];
let underWay: string[] = [];
const provider = createServer(async (request, response) => {
  const text = await readText(request);
  received.push(text);
  underWay.push(text);
  await delay(latencyMs);
  underWay = underWay.filter((one) => one !== text);
  response.setHeader("content-type", "application/json").end(JSON.stringify({ result: text.toUpperCase() }));
});
await once(provider.listen(0, "127.0.0.1"), "listening");
after(() => provider.close().closeAllConnections());

async function readText(request: IncomingMessage): Promise<string> {
  return JSON.parse(Buffer.concat(await request.toArray()).toString()).text;
}

const { url: databaseUrl, database } = await createTestDatabase();
const environment = {
  DATABASE_URL: databaseUrl,
  PARLEY_SECRET_KEY: randomBytes(32).toString("base64"),
  PARLEY_OCTO_FREE_MESSAGES: String(allowance),
  ...(await withProviders({
    providers: [
      {
        id: "free",
        url: `http://127.0.0.1:${(provider.address() as AddressInfo).port}`,
        price: 0,
        concurrency: 100,
      },
    ],
  })),
};
const survivor = await spawnParley(environment);
const ask = askOf(survivor.url);

class User {
  readonly name = randomUUID();
  readonly email = `${this.name}@example.com`;
  token = "";
  answered = 0;
  refused = 0;
  /** Asked for, and never answered. */
  lost = 0;
  #asked = 0;

  async register() {
    const account = { email: this.email, password: "pw" };
    assert.equal((await ask("POST /auth/register", { json: account })).status, 201);
    const { cookie } = await ask("POST /auth/login", {
      form: { username: this.email, password: "pw" },
    });
    this.token = cookie!.split(/[=;]/)[1]!;
  }

  /** Until there is no answer, or it is told to stop. */
  async workAt(url: string, pod: string, isDone: () => boolean) {
    const askPod = askOf(url);
    while (!isDone()) {
      const text = `${this.name} ${pod} ${this.#asked++}`;
      const path = this.#asked % 2 ? "free_provider" : "paid_provider";
      const query = new URLSearchParams({ token: this.token, message: text });
      const answer = await askPod(`POST /${path}?${query}`).catch(() => undefined);
      if (!answer) {
        this.lost += 1;
        return;
      }
      this.#note(answer, text);
    }
  }

  #note({ status, body }: OldAnswer, text: string) {
    if (status === 200) {
      assert.deepEqual(body, { ok: true, response: text.toUpperCase() });
      this.answered += 1;
    } else {
      assert.equal(status, 403, JSON.stringify(body));
      this.refused += 1;
    }
  }

  get received() {
    return received.filter((text) => text.startsWith(this.name));
  }

  async read() {
    const { body } = await ask("GET /users/me", { headers: { cookie: `octo_handler_user=${this.token}` } });
    return body as { free_messages_left: number; refresh_at: string };
  }
}

/** All users at both pods, until one of the pods is killed: with messages of its own under way, as long as anybody may send any. */
async function killOne(users: readonly User[], pod: string, isTime: () => boolean) {
  const doomed = await spawnParley(environment);
  let isDone = false;
  const work = users.flatMap((user) =>
    Array.from({ length: workers }, () => [
      user.workAt(doomed.url, pod, () => isDone),
      user.workAt(survivor.url, "survivor", () => isDone),
    ]).flat(),
  );
  const isWorking = () => underWay.some((text) => text.includes(` ${pod} `));
  const areAllSpent = () => users.every((user) => user.refused > 0);
  await until("it is time, and there is something to lose", () => (isTime() && isWorking()) || areAllSpent());
  await doomed.end("SIGKILL");
  isDone = true;
  await Promise.all(work);
}

async function spendAll(users: readonly User[]) {
  for (const pod of ["first", "second"]) {
    const before = new Map(users.map((user) => [user, user.received.length]));
    await killOne(users, pod, () => users.every((user) => user.received.length >= before.get(user)! + 10));
  }
  // The third as the allowances come to their end.
  await killOne(users, "third", () => users.some((user) => user.received.length >= allowance - 3));
  await Promise.all(users.map((user) => user.workAt(survivor.url, "survivor", () => user.refused > 0)));
}

test("nobody gets more than the allowance, or loses more than was under way, however many pods are killed", async () => {
  for (;;) {
    const users = Array.from({ length: 4 }, () => new User());
    for (const user of users) await user.register();
    const { refresh_at } = await users[0]!.read();
    await spendAll(users);
    // A new day began meanwhile, and brought new allowances: another time.
    if ((await users[0]!.read()).refresh_at !== refresh_at) continue;
    for (const user of users) {
      assert.ok(user.received.length <= allowance, `${user.received.length} were processed`);
      assert.ok(
        user.answered >= allowance - user.lost,
        `${user.answered} answered, ${user.lost} without an answer`,
      );
      assert.ok(user.refused > 0);
      assert.equal((await user.read()).free_messages_left, 0);
    }
    const lost = users.reduce((sum, user) => sum + user.lost, 0);
    assert.ok(lost >= 2, `the kills hit ${lost} messages`);
    // Also of what was counted and never sent.
    const most = { name: "most", text: "SELECT max(used) AS used FROM dispatch.allowances" };
    assert.deepEqual(await database.query(most, []), [{ used: allowance }]);
    assert.equal(new Set(received).size, received.length, "none is processed twice");
    return;
  }
});
