/** Nobody may find out by the cost of an answer who has an account. Work is counted, not timed. */
import { strict as assert } from "node:assert";
import { test } from "node:test";
import * as argon2 from "@node-rs/argon2";
import { IdentityInternalService } from "@parley/api/internal/identity";
import { AuthService } from "@parley/api/v2/auth";
import { type Argon2, createPasswordHashing } from "#identity/password-hashing.ts";
import { registerAccount } from "#identity/rpc/register-account.ts";
import { signIn } from "#identity/rpc/sign-in.ts";
import { signUp } from "#identity/rpc/sign-up.ts";
import { startSession } from "#identity/rpc/start-session.ts";
import { createParts } from "#identity/service.ts";
import type { Database } from "#platform/database.ts";
import { createTestDatabase } from "#test/database.ts";
import { clientsOf, goodPassword, identityDeps, startIdentity } from "#test/identity.ts";

const { database } = await createTestDatabase();
await startIdentity(identityDeps(database));

const work: string[] = [];

const countingArgon2: Argon2 = {
  hash(password, options, signal) {
    work.push(`hash ${JSON.stringify(options)}`);
    return argon2.hash(password, options, signal);
  },
  verify(hashed, password, options, signal) {
    work.push(`verify ${JSON.stringify(argon2.parseOptions(hashed))}`);
    return argon2.verify(hashed, password, options, signal);
  },
};

const countingDatabase: Database = {
  ...database,
  query(statement, values) {
    work.push(`query ${statement.name}`);
    return database.query(statement, values);
  },
};

const deps = identityDeps(countingDatabase);
const parts = { ...createParts(deps), passwords: createPasswordHashing(deps.config, countingArgon2) };
const { auth, internal } = clientsOf((router) => {
  router.service(AuthService, { signUp: signUp(parts), signIn: signIn(parts) });
  router.service(IdentityInternalService, {
    registerAccount: registerAccount(parts),
    startSession: startSession(parts),
  });
});

async function workOf(call: () => Promise<unknown>): Promise<{ work: string[]; answer: string }> {
  work.length = 0;
  const answer = await call().then(
    (value) => JSON.stringify(value),
    (error) => `${error.code} ${error.message}`,
  );
  return { work: [...work], answer };
}

test("sign-up does the same work for a free and for a taken address", async () => {
  const attempt = (email: string) =>
    workOf(() => auth.signUp({ email, password: goodPassword, name: "Ada" }));
  const free = await attempt("same@example.com");
  const taken = await attempt("same@example.com");
  assert.deepEqual(taken, free);
  assert.equal(free.work.filter((item) => item.startsWith("hash ")).length, 1);
});

test("a taken address costs a commit to disk as well", async () => {
  const written = async (work: () => Promise<unknown>) => {
    const before = await lastWritten();
    await work();
    return (await lastWritten()) !== before;
  };
  const again = { email: "same@example.com", password: goodPassword, name: "Ada" };
  assert.equal(await written(() => auth.signUp(again)), true);
  assert.equal(await written(async () => {}), false);
});

test("a refused sign-in does the same work for a known and for an unknown address", async () => {
  const attempt = (email: string) => workOf(() => auth.signIn({ email, password: "not the password" }));
  const known = await attempt("same@example.com");
  const unknown = await attempt("nobody@example.com");
  assert.deepEqual(unknown, known);
  assert.equal(known.work.filter((item) => item.startsWith("verify ")).length, 1);
});

test("a refused sign-in by login name does the same work for a known and for an unknown one", async () => {
  await internal.registerAccount({ login: "same", password: goodPassword });
  const password = "not the password";
  const attempts = {
    old: (login: string) => workOf(() => internal.startSession({ login, password })),
    new: (login: string) => workOf(() => auth.signIn({ email: login, password })),
  };
  for (const attempt of Object.values(attempts)) {
    const known = await attempt("same");
    assert.equal(known.work.filter((item) => item.startsWith("verify ")).length, 1);
    for (const login of ["nobody", "", "a\0b", "x".repeat(500)]) {
      assert.deepEqual(await attempt(login), known, login);
    }
  }
});

test("a registration under a taken name costs no hash", async () => {
  const { work, answer } = await workOf(() =>
    internal.registerAccount({ login: "same", password: goodPassword }),
  );
  assert.match(answer, /There is such an account already/);
  assert.deepEqual(work, ["query identity.accounts.is-taken"]);
});

/** Which transaction wrote the account last. */
async function lastWritten(): Promise<string> {
  const text = "SELECT xmin::text AS xmin FROM identity.users WHERE email_key = 'same@example.com'";
  return (await database.query<{ xmin: string }>({ name: "test.xmin", text }))[0]!.xmin;
}
