/** The old API lab while identity is away: who is known passes, what is kept is answered, and nobody waits for the rest. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { createTestDatabase } from "#test/database.ts";
import { cheapHashing, startPod } from "#test/parley.ts";
import { startRedis, withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";
import { freePort } from "../../scripts/pods/free-port.ts";

const others = "gateway,messenger,dispatch,search,blobs";

describe("lab without identity", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const identityPort = String(await freePort());
  const shared = {
    DATABASE_URL: (await createTestDatabase()).url,
    REDIS_URL: (await startRedis()).url,
    PARLEY_SERVICE_TOKEN: randomBytes(32).toString("base64"),
    PARLEY_THROTTLING: "off",
    PARLEY_CIRCUIT_MIN_CALLS: "5",
    PARLEY_CIRCUIT_WINDOW_MS: "1000",
    PARLEY_CACHE_TTL_MS: "1000",
    ...cheapHashing,
  };
  const secretKey = randomBytes(32).toString("base64");
  const startIdentity = () =>
    startPod({
      ...shared,
      PARLEY_SECRET_KEY: secretKey,
      PARLEY_SERVICE_PORT: identityPort,
      PARLEY_ROLES: "identity",
    });
  const identity = await startIdentity();
  const urls = { PARLEY_IDENTITY_URL: `http://127.0.0.1:${identityPort}` };
  const { httpPort } = await startPod({ ...shared, ...urls, PARLEY_ROLES: others });

  async function ask(path: string, authorization: string | undefined, method = "GET") {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const response = await fetch(`http://127.0.0.1:${httpPort}${path}`, { method, headers });
    const how = response.headers.get("cache-status") ?? "";
    return { status: response.status, how, body: await response.text(), headers: response.headers };
  }

  const basic = (login: string) => `Basic ${Buffer.from(`${login}:pass`).toString("base64")}`;
  const registration = (login: string) =>
    `/user?first_name=Ann&last_name=Lee&email=${login}@example.com&title=&login=${login}&password=pass`;
  const register = async (login: string) => (await ask(registration(login), undefined, "POST")).body;

  const annId = await register("ann");
  const benId = await register("ben");
  await register("unseen");
  const kept = [`/user?id=${annId}`, "/user/search?first_name=an&last_name=", "/auth_check"];

  test("what was asked before is answered, and whose password is known passes", async () => {
    const token = JSON.parse((await ask("/auth", basic("ann"))).body).token as string;
    const before = new Map<string, string>();
    for (const path of kept) {
      await until("the answer is kept", async () => (await ask(path, basic("ann"))).how.includes("hit"));
      before.set(path, (await ask(path, basic("ann"))).body);
    }
    await identity.stop();
    for (const credentials of [basic("ann"), `Bearer ${token}`]) {
      for (const path of kept) {
        const { status, body } = await ask(path, credentials);
        assert.deepEqual([status, body], [200, before.get(path)], path);
      }
    }
    assert.deepEqual((await ask("/auth", basic("ann"))).body, JSON.stringify({ id: annId, token }));
  });

  test("what is not kept, and whoever is not known, gets 503, soon without a call", async () => {
    const path = () => `/user?id=${randomUUID()}`;
    await until("the circuit opens", async () => {
      const { status, body } = await ask(path(), basic("ann"));
      assert.equal(status, 503);
      return JSON.parse(body).type === "/docs/errors#circuit-open";
    });
    const refused = [
      await ask(path(), basic("ann")),
      await ask(`/user?id=${benId}`, basic("ann")),
      await ask("/auth", basic("unseen")),
      await ask(kept[0]!, basic("unseen")),
      await ask(registration("late"), undefined, "POST"),
    ];
    for (const { status, body, headers } of refused) {
      assert.equal(status, 503);
      assert.deepEqual(Object.keys(JSON.parse(body)), ["type", "title", "status", "detail"]);
      assert.ok(Number(headers.get("retry-after")) >= 1);
    }
    for (const path of kept) {
      await until("it is older than it would be kept otherwise", async () => {
        const { status, how } = await ask(path, basic("ann"));
        assert.equal(status, 200, path);
        return how.includes("stale-if-error");
      });
    }
    // Not even now is a wrong password taken.
    const wrong = `Basic ${Buffer.from("ann:wrong").toString("base64")}`;
    assert.equal((await ask(kept[0]!, wrong)).status, 503);
  });

  test("all is as before once identity is back", async () => {
    await startIdentity();
    await until("it heals", async () => (await ask("/auth", basic("unseen"))).status === 200);
    assert.equal((await ask(`/user?id=${benId}`, basic("ann"))).status, 200);
    assert.equal((await ask(registration("late"), undefined, "POST")).status, 200);
  });
});
