/** ListAccounts and FindAccounts. */
import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createAccountStore } from "#identity/store-accounts.ts";
import { actorHeaders } from "#platform/actor.ts";
import type { Database } from "#platform/database.ts";
import { createTestDatabase } from "#test/database.ts";
import { expectFault, goodPassword, holderOf, identityDeps, startIdentity } from "#test/identity.ts";

const { database } = await createTestDatabase();
const { auth, users, internal } = await startIdentity(identityDeps(database));

const people: [name: string, surname: string][] = [
  ["Anna", "Lee"],
  ["ANNE", "Leeds"],
  ["Joann", "Lee"],
  ["Žofie", "Nováková"],
  ["Иван", "Петров"],
  ["Ёлка", "Łącka"],
  ["Per%", "Un_der"],
];
const ids = new Map<string, string>();
for (const [index, [name, surname]] of people.entries()) {
  const login = `login ${index}`;
  const email = `${index}@example.com`;
  const { account } = await internal.registerAccount({ login, email, password: "pass", name, surname });
  ids.set(name, account!.userId);
}
await auth.signUp({ email: "v2@example.com", password: goodPassword, name: "Anton" });

async function names(namePrefix: string, surnamePrefix = ""): Promise<string[]> {
  const { accounts } = await internal.findAccounts({ namePrefix, surnamePrefix });
  return accounts.map(({ name, surname }) => `${name} ${surname}`.trim());
}

const searches: [name: string, surname: string, found: string[]][] = [
  ["an", "", ["Anna Lee", "ANNE Leeds", "Anton"]],
  ["AN", "LEE", ["Anna Lee", "ANNE Leeds"]],
  ["", "lee", ["Anna Lee", "Joann Lee", "ANNE Leeds"]],
  ["jo", "leeds", []],
  ["zof", "novak", ["Žofie Nováková"]],
  ["ŽOF", "NOVÁK", ["Žofie Nováková"]],
  ["ив", "петр", ["Иван Петров"]],
  ["елка", "lacka", ["Ёлка Łącka"]],
  ["%", "", []],
  ["per%", "un_", ["Per% Un_der"]],
  ["____", "", []],
  [" anna ", " lee ", ["Anna Lee"]],
  ["nobody", "", []],
];

for (const [name, surname, found] of searches) {
  test(`finds by the beginning of ${JSON.stringify(name)} and ${JSON.stringify(surname)}`, async () => {
    assert.deepEqual(await names(name, surname), found);
  });
}

test("without a name anybody is found, 100 at the most", async () => {
  assert.equal((await names("")).length, people.length + 1);
  assert.deepEqual((await names("")).slice(0, 2), ["Anna Lee", "ANNE Leeds"]);
  for (let i = 0; i < 105; i++) {
    await internal.registerAccount({ login: `clone ${i}`, password: "pass", surname: "Clone" });
  }
  assert.equal((await names("", "clone")).length, 100);
  assert.equal((await names("clone")).length, 100);
});

test("a changed name is found by what it is now", async () => {
  const account = { login: "q", password: goodPassword, name: "Former", surname: "Quill" };
  await internal.registerAccount(account);
  const { accessToken } = await internal.startSession(account);
  const headers = actorHeaders({ ...holderOf({ accessToken }), roles: [] });
  await users.updateMe({ name: "Latter" }, { headers });
  assert.deepEqual(await names("former", "quill"), []);
  assert.deepEqual(await names("latter", "quill"), ["Latter Quill"]);
});

test("refuses what can begin no name", async () => {
  for (const text of ["a\0", "a\ud800", "a\u0007", "x".repeat(101)]) {
    await expectFault(internal.findAccounts({ namePrefix: text }), "invalid-input");
    await expectFault(internal.findAccounts({ surnamePrefix: text }), "invalid-input");
  }
});

test("every search and look-up goes by an index", async () => {
  const plans: string[] = [];
  const explaining: Database = {
    ...database,
    async query({ name, text }, values) {
      const plan = await database.query({ name: `test.${name}`, text: `EXPLAIN ${text}` }, values);
      plans.push(JSON.stringify(plan));
      return [];
    },
  };
  const store = createAccountStore(explaining);
  await store.find("an", "", 100);
  await store.find("", "", 100);
  await store.find("", "lee", 100);
  await store.find("an", "lee", 100);
  await store.list([randomUUID()]);
  await store.credentialsByEmail("a@example.com");
  await store.credentialsByLogin("a");
  const expected = [
    /users_name_folded/,
    /users_name_folded/,
    /users_surname_folded/,
    /users_surname_folded/,
    /users_pkey/,
    /users_email_key_key/,
    /users_login_key/,
  ];
  for (const [index, plan] of plans.entries()) {
    assert.match(plan, expected[index]!);
    assert.doesNotMatch(plan, /Seq Scan/);
  }
  assert.equal(plans.length, expected.length);
});

test("lists by id, each account once", async () => {
  const list = async (request: Parameters<typeof internal.listAccounts>[0]) =>
    (await internal.listAccounts(request)).accounts.map(({ name }) => name).toSorted();
  const anna = ids.get("Anna")!;
  assert.deepEqual(await list({ userIds: [anna.toUpperCase(), anna, randomUUID(), "x", "\0"] }), ["Anna"]);
  assert.deepEqual(await list({}), []);
});

test("refuses to list too many", async () => {
  const many = (length: number) => Array.from({ length }, () => randomUUID());
  await expectFault(internal.listAccounts({ userIds: many(1_001) }), "invalid-input");
  assert.deepEqual((await internal.listAccounts({ userIds: many(1_000) })).accounts, []);
});
