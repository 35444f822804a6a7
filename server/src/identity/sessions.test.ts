/** Sign-out, the list of sessions, revocation, and what gateways hear of it. */
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createTestDatabase } from "#test/database.ts";
import {
  createTestClock,
  expectFault,
  identityDeps,
  newUser,
  recordEnded,
  signIn,
  signUp,
  startIdentity,
} from "#test/identity.ts";

const clock = createTestClock();
const { database } = await createTestDatabase();
const deps = identityDeps(database, { clock });
const clients = await startIdentity(deps);
const { auth, internal } = clients;

test("signing out ends the session and tells the gateways", async () => {
  const user = await newUser(clients);
  const ended = await recordEnded(deps, user.actor.userId);
  await auth.signOut({}, { headers: user.headers });
  assert.deepEqual(ended, { byAll: [user.actor.sessionId], byUser: [user.actor.sessionId] });
  await expectFault(auth.refresh({ refreshToken: user.refreshToken }), "refresh-token-invalid");
  await auth.signOut({}, { headers: user.headers });
  assert.equal(ended.byAll.length, 1);
});

test("a refresh that races with a sign-out leaves no live session", async () => {
  for (let round = 0; round < 10; round++) {
    const user = await newUser(clients);
    const [refreshed] = await Promise.allSettled([
      auth.refresh({ refreshToken: user.refreshToken }),
      auth.signOut({}, { headers: user.headers }),
    ]);
    const token = refreshed.status === "fulfilled" ? refreshed.value.refreshToken : user.refreshToken;
    await expectFault(auth.refresh({ refreshToken: token }), "refresh-token-invalid");
  }
});

test("lists the caller's live sessions, the latest used first", async () => {
  const email = await signUp(clients);
  const phone = await signIn(clients, email, {
    "parley-client-user-agent": "Phone/1.0",
    "parley-client-address": "192.0.2.7",
  });
  clock.advance({ seconds: 1 });
  const laptop = await signIn(clients, email, { "parley-client-user-agent": "L".repeat(1_000) });
  clock.advance({ seconds: 1 });
  await auth.refresh({ refreshToken: phone.refreshToken });
  await newUser(clients);
  const { sessions } = await auth.listSessions({}, { headers: laptop.headers });
  assert.deepEqual(
    sessions.map(({ id, current, userAgent, address }) => ({ id, current, userAgent, address })),
    [
      { id: phone.actor.sessionId, current: false, userAgent: "Phone/1.0", address: "192.0.2.7" },
      { id: laptop.actor.sessionId, current: true, userAgent: "L".repeat(256), address: "" },
    ],
  );
  const [first] = sessions;
  assert.equal(first!.lastUsedAt!.seconds, BigInt(clock.now() / 1_000));
  assert.equal(first!.lastUsedAt!.seconds - first!.createdAt!.seconds, 2n);
  assert.equal(first!.expiresAt!.seconds - first!.lastUsedAt!.seconds, 30n * 86_400n);
});

test("revokes a session of one's own", async () => {
  const email = await signUp(clients);
  const [lost, kept] = [await signIn(clients, email), await signIn(clients, email)];
  const ended = await recordEnded(deps, lost.actor.userId);
  await auth.revokeSession({ id: lost.actor.sessionId.toUpperCase() }, { headers: kept.headers });
  assert.deepEqual(ended, { byAll: [lost.actor.sessionId], byUser: [lost.actor.sessionId] });
  await expectFault(auth.refresh({ refreshToken: lost.refreshToken }), "refresh-token-invalid");
  const { sessions } = await auth.listSessions({}, { headers: kept.headers });
  assert.deepEqual(
    sessions.map(({ id }) => id),
    [kept.actor.sessionId],
  );
  const again = auth.revokeSession({ id: lost.actor.sessionId }, { headers: kept.headers });
  await expectFault(again, "session-not-found");
});

test("nobody revokes or ends a session of somebody else", async () => {
  const [owner, stranger] = [await newUser(clients), await newUser(clients)];
  const options = { headers: stranger.headers };
  await expectFault(auth.revokeSession({ id: owner.actor.sessionId }, options), "session-not-found");
  await expectFault(auth.revokeSession({ id: "not a session" }, options), "session-not-found");
  assert.ok(await auth.refresh({ refreshToken: owner.refreshToken }));
});

test("tells a starting gateway which sessions may have unexpired access tokens", async () => {
  const [first, second, third] = [await newUser(clients), await newUser(clients), await newUser(clients)];
  await auth.signOut({}, { headers: first.headers });
  clock.advance({ seconds: 600 + 300 });
  await auth.signOut({}, { headers: second.headers });
  await auth.refresh({ refreshToken: third.refreshToken });
  clock.advance({ seconds: 11 });
  await expectFault(auth.refresh({ refreshToken: third.refreshToken }), "refresh-token-invalid");
  const { sessionIds } = await internal.listEndedSessions({});
  assert.deepEqual(new Set(sessionIds), new Set([second.actor.sessionId, third.actor.sessionId]));
});

test("calls of the session's owner need an actor", async () => {
  await expectFault(auth.signOut({}), "unauthenticated");
  await expectFault(auth.listSessions({}), "unauthenticated");
  await expectFault(auth.revokeSession({ id: "x" }), "unauthenticated");
  await expectFault(auth.createWsTicket({}), "unauthenticated");
  await expectFault(clients.users.getMe({}), "unauthenticated");
  await expectFault(clients.users.updateMe({ name: "x" }), "unauthenticated");
  await expectFault(clients.users.listUsers({ query: "ada" }), "unauthenticated");
  await expectFault(clients.users.getUser({ id: "x" }), "unauthenticated");
});
