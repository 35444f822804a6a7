import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { actorHeaders } from "#platform/actor.ts";
import { createTestDatabase } from "#test/database.ts";
import { expectFault, identityDeps, newUser, startIdentity } from "#test/identity.ts";

const { database } = await createTestDatabase();
const clients = await startIdentity(identityDeps(database));
const otherPod = await startIdentity(identityDeps(database));
const { internal, users } = clients;
const issuer = "https://idp.example.com/";

async function nameOf(userId: string): Promise<string> {
  const headers = actorHeaders({ userId, sessionId: "", roles: [] });
  return (await users.getMe({}, { headers })).user!.name;
}

test("a subject is one user for ever, and another issuer's subject another", async () => {
  const first = await internal.resolveExternalUser({ issuer, subject: "42", name: "Eve" });
  const again = await internal.resolveExternalUser({ issuer, subject: "42", name: "Eve Renamed" });
  const other = await internal.resolveExternalUser({ issuer: "https://other", subject: "42", name: "Eve" });
  assert.equal(again.userId, first.userId);
  assert.notEqual(other.userId, first.userId);
  assert.equal(await nameOf(first.userId), "Eve");
});

test("many first sights at the same moment make one user", async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      (i % 2 ? clients : otherPod).internal.resolveExternalUser({ issuer, subject: "crowd", name: "Crowd" }),
    ),
  );
  assert.equal(new Set(answers.map(({ userId }) => userId)).size, 1);
  const me = await newUser(clients);
  const { users: found } = await users.listUsers({ query: "crowd" }, { headers: me.headers });
  assert.equal(found.length, 1);
});

test("makes the best of the name in the token", async () => {
  const nameFor = async (name: string) => {
    const { userId } = await internal.resolveExternalUser({ issuer, subject: randomUUID(), name });
    return nameOf(userId);
  };
  assert.match(await nameFor(""), /^User [0-9a-f]{8}$/);
  assert.match(await nameFor("\u200b"), /^User [0-9a-f]{8}$/);
  assert.equal(await nameFor("Eve\0\u202e"), "Eve");
  assert.equal(await nameFor("x".repeat(500)), "x".repeat(100));
});

test("refuses issuers and subjects that cannot be kept", async () => {
  for (const bad of ["", "a\0", "\ud800", "s".repeat(1_001)]) {
    await expectFault(internal.resolveExternalUser({ issuer: bad, subject: "1" }), "invalid-input");
    await expectFault(internal.resolveExternalUser({ issuer, subject: bad }), "invalid-input");
  }
});

test("tells which ids belong to no user", async () => {
  const known = (await newUser(clients)).actor.userId;
  const unknown = randomUUID();
  const { userIds } = await internal.findMissingUsers({
    userIds: [unknown, known, "no uuid", known.toUpperCase(), unknown],
  });
  assert.deepEqual(userIds, [unknown, "no uuid"]);
  assert.deepEqual((await internal.findMissingUsers({})).userIds, []);
  const many = Array.from({ length: 10_001 }, () => unknown);
  await expectFault(internal.findMissingUsers({ userIds: many }), "invalid-input");
});
