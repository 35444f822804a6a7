import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createTestDatabase } from "#test/database.ts";
import { expectFault, goodPassword, identityDeps, newUser, startIdentity } from "#test/identity.ts";

const { database } = await createTestDatabase();
const clients = await startIdentity(identityDeps(database));
const { auth, users } = clients;

test("a new account can sign in under the address it gave", async () => {
  await auth.signUp({ email: " Ada.L@Example.com ", password: goodPassword, name: "  Ada\u0301 " });
  const { user } = await auth.signIn({ email: "ada.l@example.com", password: goodPassword });
  assert.equal(user?.email, "Ada.L@Example.com");
  assert.equal(user?.name, "Adá");
});

test("a second sign-up with the address answers the same and changes nothing", async () => {
  const first = await auth.signUp({ email: "taken@example.com", password: goodPassword, name: "First" });
  const before = await accountRow("taken@example.com");
  const second = await auth.signUp({
    email: "TAKEN@example.com",
    password: "another password",
    name: "Thief",
  });
  assert.deepEqual(second, first);
  assert.deepEqual(await accountRow("taken@example.com"), before);
  await expectFault(
    auth.signIn({ email: "taken@example.com", password: "another password" }),
    "bad-credentials",
  );
  const { user } = await auth.signIn({ email: "taken@example.com", password: goodPassword });
  assert.equal(user?.name, "First");
});

test("of many simultaneous sign-ups with one address exactly one makes the account", async () => {
  const passwords = Array.from({ length: 30 }, (_, i) => `password number ${i}`);
  const email = "crowd@example.com";
  await Promise.all(passwords.map((password) => auth.signUp({ email, password, name: password })));
  const outcomes = await Promise.allSettled(passwords.map((password) => auth.signIn({ email, password })));
  const signedIn = outcomes.filter((outcome) => outcome.status === "fulfilled");
  assert.equal(signedIn.length, 1);
  const me = await newUser(clients);
  const found = await users.listUsers({ email }, { headers: me.headers });
  assert.equal(found.users.length, 1);
});

test("UTF-8 addresses are fine, and two spellings of one are the same", async () => {
  await auth.signUp({ email: "žofie@příklad.cz", password: goodPassword, name: "Žofie" });
  const decomposed = "ŽOFIE@příklad.cz".normalize("NFD");
  assert.equal(
    (await auth.signIn({ email: decomposed, password: goodPassword })).user?.email,
    "žofie@příklad.cz",
  );
});

const refusedInputs: Record<string, { email?: string; password?: string; name?: string }> = {
  "a password of 257 bytes": { password: `${"é".repeat(128)}x` },
  "a password of 7 characters": { password: "1234567" },
  "a password of ill-formed text": { password: "password \ud800" },
  "an address without @": { email: "nobody" },
  "an address with a NUL": { email: "a\0@example.com" },
  "an address of 255 characters": { email: `${"a".repeat(243)}@example.com` },
  "a name of spaces": { name: "   " },
  "a name of invisible characters": { name: "\u200b\u200d\u00ad" },
  "a name with a NUL": { name: "Ada\0" },
  "a name that turns the text around it": { name: "Ada \u202etxt.exe" },
  "a name of 101 characters": { name: "a".repeat(101) },
};

for (const [title, input] of Object.entries(refusedInputs)) {
  test(`refuses ${title}`, async () => {
    const good = { email: "refused@example.com", password: goodPassword, name: "Ada" };
    await expectFault(auth.signUp({ ...good, ...input }), "invalid-input");
    assert.equal(await accountRow("refused@example.com"), undefined);
  });
}

test("takes a password of 256 bytes and a name of 100 characters of any kind", async () => {
  // U+FDFA unfolds into eighteen characters.
  const name = "\ufdfa".repeat(100);
  const password = "é".repeat(128);
  await auth.signUp({ email: "long@example.com", password, name });
  assert.equal((await auth.signIn({ email: "long@example.com", password })).user?.name, name);
});

async function accountRow(emailKey: string) {
  const text = "SELECT * FROM identity.users WHERE email_key = $1";
  return (await database.query({ name: "test.account", text }, [emailKey]))[0];
}
