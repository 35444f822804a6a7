import assert from "node:assert/strict";
import { after, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { BusMessageSchema } from "@parley/api/internal/bus";
import { IdentityInternalService } from "@parley/api/internal/identity";
import { createEndedSessions } from "#gateway/auth/ended-sessions.ts";
import { createLocalBus, topics } from "#platform/bus.ts";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { fault } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { FaultyBus } from "#test/faulty-bus.ts";
import { until } from "#test/until.ts";

const bus = createLocalBus((error) => {
  throw error;
});
let listed: string[] = ["old"];
let isAway = false;
let asked = 0;
const identity = createClient(
  IdentityInternalService,
  createDirectTransport((router) => {
    router.service(IdentityInternalService, {
      listEndedSessions: () => {
        asked += 1;
        if (isAway) throw fault("unavailable");
        return { sessionIds: listed };
      },
    });
  }),
);
const sessions = createEndedSessions({ identity, bus, log: createLog("silent"), reloadMs: 1 });
after(() => sessions.stop());
await sessions.start();

async function afterReloads(count: number) {
  const last = asked + count;
  await until(`${count} reloads`, () => asked >= last);
  await new Promise(setImmediate);
}

test("knows what ended before the start, and what the bus tells", () => {
  assert.equal(sessions.has("old"), true);
  assert.equal(sessions.has("new"), false);
  bus.publish(topics.sessions, create(BusMessageSchema, { endedSessionIds: ["new"] }));
  assert.equal(sessions.has("new"), true);
});

test("learns from the list what the bus has lost", async () => {
  listed = ["old", "new", "unheard"];
  await afterReloads(2);
  assert.equal(sessions.has("unheard"), true);
});

test("forgets a session once its tokens have expired, which the list tells", async () => {
  listed = ["unheard"];
  await afterReloads(2);
  assert.deepEqual([sessions.has("old"), sessions.has("new"), sessions.has("unheard")], [false, false, true]);
});

test("keeps what it knows while identity is away", async () => {
  isAway = true;
  await afterReloads(2);
  assert.equal(sessions.has("unheard"), true);
  bus.publish(topics.sessions, create(BusMessageSchema, { endedSessionIds: ["meanwhile"] }));
  await afterReloads(2);
  assert.equal(sessions.has("meanwhile"), true);
  isAway = false;
});

test("reads the list anew at once when the bus says that it may have lost messages", async () => {
  const faulty = new FaultyBus();
  const other = createEndedSessions({ identity, bus: faulty, log: createLog("silent"), reloadMs: 60_000 });
  after(() => other.stop());
  listed = [];
  await other.start();
  listed = ["lost", "lost too"];
  faulty.tellGap();
  faulty.tellGap();
  await until("it is known", () => other.has("lost too"));
  other.stop();
  listed = ["after the stop"];
  faulty.tellGap();
  await new Promise(setImmediate);
  assert.equal(other.has("after the stop"), false);
});
