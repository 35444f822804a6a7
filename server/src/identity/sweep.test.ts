import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createIdentity, createParts } from "#identity/service.ts";
import { sweep } from "#identity/sweep.ts";
import { createLog } from "#platform/log.ts";
import { createTestDatabase } from "#test/database.ts";
import {
  clientsOf,
  createTestClock,
  identityConfig,
  identityDeps,
  newUser,
  startIdentity,
} from "#test/identity.ts";
import { until } from "#test/until.ts";

const clock = createTestClock();
const { database } = await createTestDatabase();
const deps = identityDeps(database, { clock });
const clients = await startIdentity(deps);
const { auth } = clients;

async function ids(table: "sessions" | "ws_tickets", column: string): Promise<string[]> {
  const text = `SELECT ${column}::text AS id FROM identity.${table}`;
  return (await database.query<{ id: string }>({ name: `test.${table}`, text })).map(({ id }) => id);
}

test("removes sessions and tickets when they can matter no more, and no earlier", async () => {
  const [expiring, signedOut] = [await newUser(clients), await newUser(clients)];
  await auth.createWsTicket({}, { headers: expiring.headers });
  await auth.signOut({}, { headers: signedOut.headers });
  const parts = createParts(deps);

  clock.advance({ seconds: 31 });
  await sweep(parts);
  assert.deepEqual(await ids("ws_tickets", "ticket_hash"), []);
  assert.equal((await ids("sessions", "id")).length, 2);

  clock.advance({ seconds: 600 });
  await sweep(parts);
  assert.equal((await ids("sessions", "id")).length, 2);

  clock.advance({ seconds: 270 });
  await sweep(parts);
  assert.deepEqual(await ids("sessions", "id"), [expiring.actor.sessionId]);

  clock.advance({ days: 30 });
  await sweep(parts);
  assert.deepEqual(await ids("sessions", "id"), []);
});

test("removes any number of rows over its runs, a bounded number in each", async () => {
  const text = `
    INSERT INTO identity.sessions (id, user_id, token_hash, created_at, last_used_at, expires_at, user_agent, address)
    SELECT gen_random_uuid(), $1, '', 'epoch', 'epoch', 'epoch', '', '' FROM generate_series(1, 20500)`;
  const { actor } = await newUser(clients);
  await database.query({ name: "test.many-sessions", text }, [actor.userId]);
  const parts = createParts(deps);
  await sweep(parts);
  assert.equal((await ids("sessions", "id")).length, 501);
  await sweep(parts);
  assert.deepEqual(await ids("sessions", "id"), [actor.sessionId]);
});

test("the service sweeps by itself and stops with it", async () => {
  const user = await newUser(clients);
  await auth.createWsTicket({}, { headers: user.headers });
  clock.advance({ seconds: 31 });
  const service = createIdentity({ ...deps, config: identityConfig({ PARLEY_IDENTITY_SWEEP_SECONDS: 1 }) });
  clientsOf((router) => service.routes(router));
  await service.start();
  await until("it is swept", async () => (await ids("ws_tickets", "ticket_hash")).length === 0);
  await service.stop();
  await service.stop();
});

test("a part that fails is logged and does not keep the others from running", async () => {
  const user = await newUser(clients);
  await auth.createWsTicket({}, { headers: user.headers });
  clock.advance({ seconds: 31 });
  const lines: string[] = [];
  const log = createLog("error", { write: (line) => void lines.push(line) });
  const parts = createParts({ ...deps, log });
  const failing = { ...parts.store.sessions, sweep: () => Promise.reject(new Error("disk full")) };
  await sweep({ ...parts, store: { ...parts.store, sessions: failing } });
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /"subject":"sessions"/);
  assert.deepEqual(await ids("ws_tickets", "ticket_hash"), []);
});
