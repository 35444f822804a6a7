import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { actorHeaders } from "#platform/actor.ts";
import { createTestDatabase } from "#test/database.ts";
import { createTestClock, expectFault, identityDeps, newUser, startIdentity } from "#test/identity.ts";

const clock = createTestClock();
const { database } = await createTestDatabase();
const deps = identityDeps(database, { clock });
const clients = await startIdentity(deps);
const otherPod = await startIdentity(deps);
const { auth, internal } = clients;

const seconds = () => Math.floor(clock.now() / 1_000);

test("a ticket stands for the user, session, roles and token that asked for it", async () => {
  const user = await newUser(clients);
  const headers = {
    ...actorHeaders({ ...user.actor, roles: ["admin", "auditor"] }),
    "parley-token-expires": String(seconds() + 123),
  };
  const { ticket } = await auth.createWsTicket({}, { headers });
  const redeemed = await otherPod.internal.redeemWsTicket({ ticket });
  assert.equal(redeemed.userId, user.actor.userId);
  assert.equal(redeemed.sessionId, user.actor.sessionId);
  assert.deepEqual(redeemed.roles, ["admin", "auditor"]);
  assert.equal(Number(redeemed.expiresAt!.seconds), seconds() + 123);
});

test("without a stated expiry, or with one that cannot be read, a whole token's life is assumed", async () => {
  const user = await newUser(clients);
  for (const extra of [{}, { "parley-token-expires": "soon" }]) {
    const { ticket } = await auth.createWsTicket({}, { headers: { ...user.headers, ...extra } });
    const { expiresAt } = await internal.redeemWsTicket({ ticket });
    assert.equal(Number(expiresAt!.seconds), seconds() + 600);
  }
});

test("a ticket is redeemed once, also when many try at the same moment", async () => {
  const user = await newUser(clients);
  const { ticket } = await auth.createWsTicket({}, { headers: user.headers });
  const attempts = await Promise.allSettled(
    Array.from({ length: 10 }, (_, i) => (i % 2 ? clients : otherPod).internal.redeemWsTicket({ ticket })),
  );
  assert.equal(attempts.filter(({ status }) => status === "fulfilled").length, 1);
  await expectFault(internal.redeemWsTicket({ ticket }), "ticket-invalid");
});

test("a ticket is good for 30 seconds, and no longer than the token", async () => {
  const user = await newUser(clients);
  const issue = async (headers = {}) => {
    const { ticket } = await auth.createWsTicket({}, { headers: { ...user.headers, ...headers } });
    return { ticket };
  };
  const inTime = await issue();
  const late = await issue();
  const ofExpiring = await issue({ "parley-token-expires": String(seconds() + 10) });
  clock.advance({ seconds: 29 });
  await internal.redeemWsTicket(inTime);
  await expectFault(internal.redeemWsTicket(ofExpiring), "ticket-invalid");
  clock.advance({ seconds: 1 });
  await expectFault(internal.redeemWsTicket(late), "ticket-invalid");
});

test("a ticket dies with its session, and an ended session gets none", async () => {
  const user = await newUser(clients);
  const { ticket } = await auth.createWsTicket({}, { headers: user.headers });
  await auth.signOut({}, { headers: user.headers });
  await expectFault(internal.redeemWsTicket({ ticket }), "ticket-invalid");
  await expectFault(auth.createWsTicket({}, { headers: user.headers }), "unauthenticated");
});

test("a user of an outside issuer gets a ticket without a session", async () => {
  const { userId } = await internal.resolveExternalUser({ issuer: "https://idp", subject: "1", name: "E" });
  const headers = actorHeaders({ userId, sessionId: "", roles: [] });
  const { ticket } = await auth.createWsTicket({}, { headers });
  const redeemed = await internal.redeemWsTicket({ ticket });
  assert.deepEqual([redeemed.userId, redeemed.sessionId, redeemed.roles], [userId, "", []]);
});

test("invented tickets and users are refused", async () => {
  for (const ticket of ["", "x", "\0", "y".repeat(10_000)]) {
    await expectFault(internal.redeemWsTicket({ ticket }), "ticket-invalid");
  }
  const headers = actorHeaders({ userId: randomUUID(), sessionId: "", roles: [] });
  await expectFault(auth.createWsTicket({}, { headers }), "unauthenticated");
});

test("the database keeps no ticket that could be redeemed", async () => {
  const user = await newUser(clients);
  const { ticket } = await auth.createWsTicket({}, { headers: user.headers });
  const rows = await database.query<{ text: string }>({
    name: "test.tickets",
    text: "SELECT row_to_json(t)::text AS text FROM identity.ws_tickets t",
  });
  const raw = Buffer.from(ticket, "base64url").toString("hex");
  assert.ok(rows.length > 0);
  assert.ok(rows.every(({ text }) => !text.includes(ticket) && !text.includes(raw)));
});
