/** What callers see while PostgreSQL cannot be reached, and after. */
import { strict as assert } from "node:assert";
import { after, test } from "node:test";
import { createDatabase } from "#platform/database.ts";
import { createLog } from "#platform/log.ts";
import { createTestDatabase } from "#test/database.ts";
import { startDatabaseLine } from "#test/database-line.ts";
import { expectFault, goodPassword, identityDeps, newUser, startIdentity } from "#test/identity.ts";

const { url } = await createTestDatabase();
const line = await startDatabaseLine(url);
const database = createDatabase(
  {
    connectionString: line.url,
    maxConnections: 4,
    acquireTimeoutMs: 2_000,
    statementTimeoutMs: 2_000,
    applicationName: "parley-test",
  },
  createLog("silent"),
);
after(() => database.close());
const clients = await startIdentity(identityDeps(database));
const { auth, users, internal } = clients;
const user = await newUser(clients);
const { keys } = await auth.getJwks({});

test("every call answers unavailable while the database is away, and works when it is back", async () => {
  const headers = user.headers;
  line.cut();
  const calls = [
    () => auth.signUp({ email: "away@example.com", password: goodPassword, name: "Away" }),
    () => auth.signIn({ email: "away@example.com", password: goodPassword }),
    () => auth.refresh({ refreshToken: user.refreshToken }),
    () => auth.signOut({}, { headers }),
    () => auth.listSessions({}, { headers }),
    () => auth.revokeSession({ id: user.actor.sessionId }, { headers }),
    () => auth.createWsTicket({}, { headers }),
    () => users.getMe({}, { headers }),
    () => users.updateMe({ name: "Away" }, { headers }),
    () => users.listUsers({ query: "ada" }, { headers }),
    () => users.getUser({ id: user.actor.userId }, { headers }),
    () => internal.redeemWsTicket({ ticket: "x" }),
    () => internal.resolveExternalUser({ issuer: "i", subject: "s" }),
    () => internal.findMissingUsers({ userIds: [user.actor.userId] }),
    () => internal.listEndedSessions({}),
    () => internal.rotateSigningKey({}),
  ];
  for (const call of calls) await expectFault(call(), "unavailable");
  assert.deepEqual((await auth.getJwks({})).keys, keys);

  await line.restore();
  assert.ok(await auth.refresh({ refreshToken: user.refreshToken }));
  await expectFault(auth.signIn({ email: "away@example.com", password: goodPassword }), "bad-credentials");
});
