import { strict as assert } from "node:assert";
import { test } from "node:test";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { toPublicError } from "#platform/errors.ts";
import type { Stamps } from "#platform/stamps/stamps.ts";
import { createTestDatabase } from "#test/database.ts";
import {
  createTestClock,
  expectFault,
  goodPassword,
  identityConfig,
  identityDeps,
  newUser,
  startIdentity,
} from "#test/identity.ts";

const clock = createTestClock();
const { database } = await createTestDatabase();
const changed: string[] = [];
const stamps: Stamps = { read: async () => undefined, change: async (tags) => void changed.push(...tags) };
const deps = identityDeps(database, { clock, stamps });
const clients = await startIdentity(deps);
const { auth, internal } = clients;
const password = "pass";

async function count(): Promise<number> {
  const text = "SELECT count(*) AS count FROM identity.users";
  return (await database.query<{ count: number }>({ name: "test.count", text }))[0]!.count;
}

/** Those that are known by one or the other. */
function accountsOf(login: string, email: string): Promise<{ login: string; email: string }[]> {
  const text = `SELECT coalesce(login_name, '') AS login, coalesce(email, '') AS email FROM identity.users
    WHERE login_key = $1 OR email_key = $2`;
  return database.query({ name: "test.accounts", text }, [login, email]);
}

test("an account has what it was registered with", async () => {
  const profile = {
    city: "New Yourk",
    interests: "programming\nand more",
    birthday: "1994-04-10T20:21:25+00:00",
  };
  const given = { login: " Bob T ", email: " Bob@Email.com ", name: "Bob", surname: "Tallor", profile };
  const { account } = await internal.registerAccount({ ...given, password });
  const { userId, createdAt, ...rest } = account!;
  assert.match(userId, /^[0-9a-f-]{36}$/);
  assert.equal(timestampMs(createdAt!), clock.now());
  assert.deepEqual(
    { ...rest, $typeName: undefined },
    {
      $typeName: undefined,
      login: "Bob T",
      email: "Bob@Email.com",
      name: "Bob",
      surname: "Tallor",
      profile,
      roles: [],
    },
  );
  const { accounts } = await internal.listAccounts({ userIds: [userId] });
  assert.deepEqual(accounts, [account]);
});

test("it is named by its login or its address when it gives no name", async () => {
  const nameOf = async (login: string, email: string) =>
    (await internal.registerAccount({ login, email, password })).account!.name;
  assert.equal(await nameOf("some user", "one@example.com"), "some user");
  assert.equal(await nameOf("", "second.one@example.com"), "second.one");
  assert.equal(await nameOf("", `${"x".repeat(200)}@example.com`), "x".repeat(100));
});

test("a login that is an address is taken for one", async () => {
  const { account } = await internal.registerAccount({ login: "Carol@Example.com", password });
  assert.equal(account!.login, "");
  assert.equal(account!.email, "Carol@Example.com");
  const both = { login: "dave@example.com", email: "DAVE@example.com", password };
  assert.equal((await internal.registerAccount(both)).account!.login, "");
  const other = { login: "eve@example.com", email: "eva@example.com", password };
  await expectFault(internal.registerAccount(other), "invalid-input");
});

test("a taken login name or address is refused as such, and nothing changes", async () => {
  await internal.registerAccount({ login: "taken", email: "taken@example.com", password });
  await auth.signUp({ email: "v2@example.com", password: goodPassword, name: "Ada" });
  const before = await count();
  const again = [
    { login: "TAKEN" },
    { login: "free", email: "taken@example.com" },
    { login: "taken", email: "free@example.com" },
    { login: "Taken@example.com" },
    { login: "free", email: "V2@example.com" },
  ];
  for (const request of again) {
    await expectFault(internal.registerAccount({ ...request, password }), "account-exists");
  }
  assert.equal(await count(), before);
  assert.deepEqual(await accountsOf("free", "free@example.com"), []);
  await auth.signUp({ email: "TAKEN@example.com", password: goodPassword, name: "Thief" });
  assert.equal(await count(), before);
});

test("of hundreds of equal registrations on two pods exactly one makes the account", async () => {
  const config = identityConfig({ PARLEY_PASSWORD_HASH_QUEUE: 1_000 });
  const pods = [await startIdentity({ ...deps, config }), await startIdentity({ ...deps, config })];
  const outcomes = await Promise.allSettled(
    Array.from({ length: 400 }, (_, i) => {
      // Crosswise, so that some have the login name in common, some the address, and some both.
      const request = {
        login: i % 3 ? "crowd" : `crowd ${i}`,
        email: i % 3 === 1 ? "" : "crowd@example.com",
      };
      return pods[i % 2]!.internal.registerAccount({ ...request, password: `password ${i}` });
    }),
  );
  const failures = outcomes.flatMap((outcome) =>
    outcome.status === "rejected" ? [toPublicError(outcome.reason).code] : [],
  );
  assert.deepEqual(new Set(failures), new Set(["account-exists"]));
  const accounts = await accountsOf("crowd", "crowd@example.com");
  const made = outcomes.length - failures.length;
  assert.equal(made, accounts.length);
  assert.ok(made === 1 || made === 2, `${made} accounts were made`);
  assert.equal(accounts.filter(({ login }) => login === "crowd").length <= 1, true);
  assert.equal(accounts.filter(({ email }) => email !== "").length <= 1, true);
});

test("hundreds of equal registrations at once cost one hash, so that others are not kept waiting", async () => {
  const config = identityConfig({ PARLEY_PASSWORD_HASH_QUEUE: 1 });
  const pod = await startIdentity({ ...deps, config });
  const crowd = Array.from({ length: 300 }, () => pod.internal.registerAccount({ login: "storm", password }));
  const other = pod.internal.registerAccount({ login: "bystander", password });
  const outcomes = await Promise.allSettled(crowd);
  const refusals = outcomes.filter((outcome) => outcome.status === "rejected");
  assert.equal(refusals.length, 299);
  for (const { reason } of refusals) assert.equal(toPublicError(reason).code, "account-exists");
  assert.ok((await other).account);
});

test("with too many others waiting it is refused as overloaded", async () => {
  const config = identityConfig({ PARLEY_PASSWORD_HASH_QUEUE: 1, PARLEY_PASSWORD_HASH_CONCURRENCY: 1 });
  const pod = await startIdentity({ ...deps, config });
  const register = (i: number) => pod.internal.registerAccount({ login: `many ${i}`, password });
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => register(i)));
  const codes = outcomes.flatMap((outcome) =>
    outcome.status === "rejected" ? [toPublicError(outcome.reason).code] : [],
  );
  assert.deepEqual(new Set(codes), new Set(["overloaded"]));
});

test("changes the stamp of all accounts, when it makes one and when it is renamed", async () => {
  const changesOf = async (call: () => Promise<unknown>) => {
    changed.length = 0;
    await call().catch(() => {});
    return [...changed];
  };
  assert.deepEqual(await changesOf(() => internal.registerAccount({ login: "stamped", password })), [
    "accounts:all",
  ]);
  assert.deepEqual(await changesOf(() => internal.registerAccount({ login: "stamped", password })), []);
  const user = await newUser(clients);
  const rename = () => clients.users.updateMe({ name: "New" }, { headers: user.headers });
  assert.deepEqual(await changesOf(rename), [`${user.actor.userId}:user`, "accounts:all"]);
  const external = () => internal.resolveExternalUser({ issuer: "i", subject: "s", name: "S" });
  assert.deepEqual(await changesOf(external), ["accounts:all"]);
  assert.deepEqual(await changesOf(external), []);
});

const many = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`field ${i}`, "x"]));
const refusedInputs: Record<string, Parameters<typeof internal.registerAccount>[0]> = {
  "neither login nor address": { login: " ", email: "" },
  "a login with a NUL": { login: "a\0b" },
  "a login with a control character": { login: "a\u001bb" },
  "a login of ill-formed text": { login: "a\ud800" },
  "a login that nobody can see": { login: "\u200b" },
  "a login of 101 characters": { login: "x".repeat(101) },
  "a login of a megabyte": { login: "x".repeat(1_000_000) },
  "an address without @": { email: "nobody" },
  "an address with a NUL": { email: "a\0@example.com" },
  "an address of 255 characters": { email: `${"a".repeat(243)}@example.com` },
  "no password": { password: "" },
  "a password of 257 bytes": { password: `${"é".repeat(128)}x` },
  "a password of a megabyte": { password: "x".repeat(1_000_000) },
  "a password with a NUL": { password: "pass\0word" },
  "a password of ill-formed text": { password: "pass\ud800" },
  "a name with a NUL": { name: "Ada\0" },
  "a name of 101 characters": { name: "a".repeat(101) },
  "a surname with a control character": { surname: "Love\u0007lace" },
  "a surname of 101 characters": { surname: "a".repeat(101) },
  "a profile of 17 fields": { profile: many },
  "a field without a name": { profile: { "": "x" } },
  "a field with a name of 33 characters": { profile: { ["x".repeat(33)]: "x" } },
  "a field with a NUL": { profile: { city: "New\0York" } },
  "a field of 1001 characters": { profile: { city: "x".repeat(1_001) } },
};

for (const [title, input] of Object.entries(refusedInputs)) {
  test(`refuses ${title}`, async () => {
    const before = await count();
    await expectFault(internal.registerAccount({ login: "refused", password, ...input }), "invalid-input");
    assert.equal(await count(), before);
  });
}

test("takes a password of one byte and one of 256", async () => {
  for (const [login, ok] of Object.entries({ short: "1", long: "é".repeat(128) })) {
    await internal.registerAccount({ login, password: ok });
    assert.ok(await internal.startSession({ login, password: ok }));
  }
});
