import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createTestDatabase } from "#test/database.ts";
import { expectFault, goodPassword, identityDeps, newUser, startIdentity } from "#test/identity.ts";

const { database } = await createTestDatabase();
const clients = await startIdentity(identityDeps(database));
const { auth, users, internal } = clients;
const me = await newUser(clients, "Viewer");
const options = { headers: me.headers };

async function names(query: string, limit?: number): Promise<string[]> {
  const answer = await users.listUsers({ query, ...(limit ? { limit } : {}) }, options);
  return answer.users.map(({ name }) => name);
}

for (const name of [
  "Анна Каренина",
  "Сергей Ёлкин",
  "Łukasz Żółć",
  "José Muñoz",
  "Søren Strauß",
  "李小龙",
  "100% Sure_Name",
  "back\\slash",
  "Hannah Ann",
  "Ann Lee",
  "Joann",
]) {
  await newUser(clients, name);
}

const searches: Record<string, string[]> = {
  анна: ["Анна Каренина"],
  КАРЕН: ["Анна Каренина"],
  "сергей елкин": ["Сергей Ёлкин"],
  lukasz: ["Łukasz Żółć"],
  ZOLC: ["Łukasz Żółć"],
  munoz: ["José Muñoz"],
  "JOSE\u0301": ["José Muñoz"],
  soren: ["Søren Strauß"],
  strauss: ["Søren Strauß"],
  小龙: ["李小龙"],
  李小: ["李小龙"],
  "0%": ["100% Sure_Name"],
  "%%": [],
  e_n: ["100% Sure_Name"],
  __: [],
  "k\\s": ["back\\slash"],
  "  hannah \t ann ": ["Hannah Ann"],
  nobodyhere: [],
};

for (const [query, found] of Object.entries(searches)) {
  test(`finds by a part of the name: ${JSON.stringify(query)}`, async () => {
    assert.deepEqual(await names(query), found);
  });
}

test("names that begin with the query come first, each part in the order of the names", async () => {
  assert.deepEqual(await names("ann"), ["Ann Lee", "Hannah Ann", "Joann"]);
  assert.deepEqual(await names("ann", 2), ["Ann Lee", "Hannah Ann"]);
  assert.deepEqual(await names("ann", 1), ["Ann Lee"]);
});

test("a renamed user is found by the new name only", async () => {
  const user = await newUser(clients, "Formerly");
  const { user: renamed } = await users.updateMe({ name: "Latterly" }, { headers: user.headers });
  assert.equal(renamed?.name, "Latterly");
  assert.deepEqual(await names("formerly"), []);
  assert.deepEqual(await names("latterly"), ["Latterly"]);
});

test("answers 20 users unless asked for more, and never more than 100", async () => {
  for (let i = 0; i < 105; i++) {
    await internal.resolveExternalUser({ issuer: "i", subject: `many ${i}`, name: `Clone ${i}` });
  }
  assert.equal((await names("clone")).length, 20);
  assert.equal((await names("clone", 100)).length, 100);
  assert.equal((await names("clone", 4_000_000_000)).length, 100);
});

test("the search by name uses its indexes", async () => {
  const plan = async (text: string) => {
    const client = await database.transaction(async (tx) => {
      await tx.query({ name: "test.no-seqscan", text: "SET LOCAL enable_seqscan = off" });
      return tx.query<Record<string, string>>({ name: `test.plan ${text}`.slice(0, 60), text });
    });
    return client.map((row) => row["QUERY PLAN"]).join("\n");
  };
  const grams = "EXPLAIN SELECT id FROM identity.users WHERE name_grams @> '{лон}'";
  assert.match(await plan(grams), /users_name_grams/);
  const start = "EXPLAIN SELECT id FROM identity.users WHERE name_folded >= 'ab' AND name_folded < 'ac'";
  assert.match(await plan(start), /users_name_folded/);
});

test("finds by the exact address in any case, and shows it", async () => {
  await auth.signUp({ email: "Find.Me@Example.com", password: goodPassword, name: "Found" });
  const { users: found } = await users.listUsers({ email: " find.me@example.COM " }, options);
  assert.deepEqual(
    found.map(({ name, email }) => [name, email]),
    [["Found", "Find.Me@Example.com"]],
  );
  for (const email of ["find.me@example.co", "find", "%", "\0@example.com"]) {
    assert.deepEqual((await users.listUsers({ email }, options)).users, []);
  }
});

test("finds by ids in the order asked for, without those of nobody", async () => {
  const [a, b] = [await newUser(clients, "A"), await newUser(clients, "B")];
  const ids = [b.actor.userId.toUpperCase(), randomUUID(), a.actor.userId, b.actor.userId];
  const { users: found } = await users.listUsers({ ids }, options);
  assert.deepEqual(
    found.map(({ name }) => name),
    ["B", "A"],
  );
});

test("shows an address to nobody but its owner", async () => {
  const other = await newUser(clients, "Secretive");
  const email = async (call: Promise<{ users: { email: string }[] }>) => (await call).users[0]?.email;
  assert.equal(await email(users.listUsers({ ids: [other.actor.userId] }, options)), "");
  assert.equal(await email(users.listUsers({ query: "secretive" }, options)), "");
  assert.equal((await users.getUser({ id: other.actor.userId }, options)).user?.email, "");
  const owner = { headers: other.headers };
  assert.match((await email(users.listUsers({ query: "secretive" }, owner)))!, /@example\.com$/);
  assert.match((await users.getUser({ id: other.actor.userId }, owner)).user!.email, /@example\.com$/);
  assert.match((await users.getMe({}, owner)).user!.email, /@example\.com$/);
});

test("ids of nobody are not found", async () => {
  await expectFault(users.getUser({ id: randomUUID() }, options), "user-not-found");
  await expectFault(users.getUser({ id: "\0" }, options), "user-not-found");
});

test("refuses queries that cannot be answered", async () => {
  const wrong = [
    {},
    { query: "ann", email: "a@example.com" },
    { query: "a" },
    { query: "e\u0301" },
    { query: "\u0301\u0301" },
    { query: "a\0b" },
    { query: "a\ud800" },
    { ids: ["x"] },
    { ids: Array.from({ length: 101 }, () => randomUUID()) },
  ];
  for (const request of wrong) await expectFault(users.listUsers(request, options), "invalid-input");
  await expectFault(users.updateMe({ name: "\0" }, options), "invalid-input");
});
