import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createParts } from "#identity/service.ts";
import { type Database, isTransient } from "#platform/database.ts";
import { toPublicError } from "#platform/errors.ts";
import type { Stamps } from "#platform/stamps/stamps.ts";
import { createTestDatabase } from "#test/database.ts";
import {
  expectFault,
  goodPassword,
  holderOf,
  identityConfig,
  identityDeps,
  recordEnded,
  startIdentity,
} from "#test/identity.ts";
import { until } from "#test/until.ts";

const { database } = await createTestDatabase();
const changed: string[] = [];
const stamps: Stamps = { read: async () => undefined, change: async (tags) => void changed.push(...tags) };
const deps = identityDeps(database, { stamps });
const { auth, internal } = await startIdentity(deps);
const password = "pass";

let accounts = 0;
async function register() {
  const login = `user ${++accounts}`;
  const email = `user${accounts}@old.example.com`;
  const { account } = await internal.registerAccount({ login, email, password, name: "Ann", surname: "Lee" });
  const signIn = (word = password) => internal.startSession({ login, password: word, withSessionKey: true });
  return { userId: account!.userId, login, email, signIn };
}

const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "no error",
    (error) => toPublicError(error).code,
  );

test("changes what is given, and nothing else", async () => {
  const { userId, login, email, signIn } = await register();
  changed.length = 0;
  const { account } = await internal.updateAccount({ userId: userId.toUpperCase(), email: `new.${email}` });
  assert.deepEqual(changed, [`${userId}:user`, "accounts:all"]);
  assert.deepEqual(
    [account?.name, account?.surname, account?.login, account?.email],
    ["Ann", "Lee", login, `new.${email}`],
  );
  assert.ok(await signIn());
  assert.deepEqual((await internal.updateAccount({ userId })).account, account);
});

test("a new address is the one to sign in by, and leaves the former to others", async () => {
  const { userId, email } = await register();
  const { account } = await internal.updateAccount({ userId, email: " New@Example.com" });
  assert.equal(account?.email, "New@Example.com");
  assert.equal((await auth.signIn({ email: "new@example.com", password })).user?.id, userId);
  await expectFault(auth.signIn({ email, password }), "bad-credentials");
  assert.ok(await internal.registerAccount({ email, password }));
});

test("an address of somebody else is refused, and nothing changes", async () => {
  const [owner, other] = [await register(), await register()];
  const taken = { userId: other.userId, email: owner.email.toUpperCase(), password: "stolen" };
  await expectFault(internal.updateAccount(taken), "account-exists");
  const { accounts: found } = await internal.listAccounts({ userIds: [other.userId] });
  assert.deepEqual([found[0]?.name, found[0]?.email], ["Ann", other.email]);
  assert.ok(await other.signIn());
  assert.ok(await internal.updateAccount({ userId: other.userId, email: other.email.toUpperCase() }));
});

test("of many who want one address at once one gets it", async () => {
  const people = await Promise.all(Array.from({ length: 20 }, register));
  const outcomes = await Promise.allSettled(
    people.map(({ userId }) => internal.updateAccount({ userId, email: "wanted@example.com" })),
  );
  const refusals = outcomes.filter((outcome) => outcome.status === "rejected");
  assert.equal(refusals.length, 19);
  for (const { reason } of refusals) await expectFault(Promise.reject(reason), "account-exists");
});

test("one that is caught in a deadlock is tried again", async () => {
  const [one, other] = [await register(), await register()];
  const give = {
    name: "test.give-address",
    text: "UPDATE identity.users SET email_key = 'given' WHERE id = $1",
  };
  const touch = { name: "test.touch", text: "UPDATE identity.users SET created_at = now() WHERE id = $1" };
  const waiting = {
    name: "test.waiting",
    text: "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
  };
  let change: Promise<unknown> | undefined;
  const given = database.transaction(async (tx) => {
    await tx.query(give, [other.userId]);
    change = codeOf(internal.updateAccount({ userId: one.userId, email: other.email }));
    await until("it waits", async () => (await database.query(waiting)).length > 0);
    await tx.query(touch, [one.userId]);
  });
  // The database refuses ours when a second has passed before we made the deadlock: then the address is not given away.
  const isGiven = await given.then(
    () => true,
    (error) => !isTransient(error) && Promise.reject(error),
  );
  assert.equal(await change, isGiven ? "no error" : "account-exists");
  const { user } = await auth.signIn({ email: other.email, password });
  assert.equal(user?.id, isGiven ? one.userId : other.userId);
});

test("one that is caught in a deadlock more than once is tried again, and not for ever", async () => {
  const { userId } = await register();
  const deadlock = "DO $$ BEGIN RAISE EXCEPTION 'as in a deadlock' USING ERRCODE = '40P01'; END $$";
  let left = 0;
  const unlucky: Database = {
    ...database,
    transaction: (work) =>
      database.transaction(async (tx) => {
        if (left-- > 0) await tx.query({ name: "test.deadlock", text: deadlock });
        return work(tx);
      }),
  };
  const pod = await startIdentity({ ...deps, database: unlucky });
  left = 3;
  const email = "lucky@example.com";
  assert.equal((await pod.internal.updateAccount({ userId, email })).account?.email, email);
  left = Number.POSITIVE_INFINITY;
  const unluckily = pod.internal.updateAccount({ userId, email: "unlucky@example.com" });
  assert.equal(await codeOf(unluckily), "internal");
});

test("a new password ends all other sessions and tells the gateways", async () => {
  const { userId, signIn } = await register();
  const [kept, ...others] = [await signIn(), await signIn(), await signIn()];
  const ended = await recordEnded(deps, userId);
  const { sessionId } = holderOf(kept!);
  await internal.updateAccount({ userId, sessionId, password: "new" });
  const ids = others.map((other) => holderOf(other).sessionId).sort();
  assert.deepEqual([ended.byAll.toSorted(), ended.byUser.toSorted()], [ids, ids]);
  await expectFault(signIn(), "bad-credentials");
  assert.ok(await signIn("new"));
});

test("without a session of one's own to keep, a new password ends all", async () => {
  for (const sessionId of ["", "no session", "00000000-0000-0000-0000-000000000000"]) {
    const { userId, signIn } = await register();
    const session = await signIn();
    const ended = await recordEnded(deps, userId);
    await internal.updateAccount({ userId, sessionId, password: "new" });
    assert.deepEqual(ended.byAll, [holderOf(session).sessionId]);
  }
});

test("a change that is no new password ends nothing", async () => {
  const { userId, signIn, email } = await register();
  await signIn();
  const ended = await recordEnded(deps, userId);
  await internal.updateAccount({ userId, email: `new.${email}` });
  assert.deepEqual(ended.byAll, []);
});

test("no session that a former password began outlives the change", async () => {
  for (let round = 0; round < 10; round++) {
    const { userId, signIn } = await register();
    const began = Array.from({ length: 10 }, () => signIn());
    const [, ...sessions] = await Promise.allSettled([
      internal.updateAccount({ userId, password: "new" }),
      ...began,
    ]);
    for (const session of sessions) {
      if (session.status === "rejected") await expectFault(Promise.reject(session.reason), "bad-credentials");
    }
    assert.deepEqual(await createParts(deps).store.sessions.listLive(userId, new Date(deps.clock.now())), []);
  }
});

test("a sign-in whose password changes while it is under way begins no session", async () => {
  const { userId, login } = await register();
  const { store } = createParts(deps);
  const before = await store.accounts.credentialsByLogin(login);
  await internal.updateAccount({ userId, password: "new" });
  const session = {
    id: "00000000-0000-4000-8000-000000000001",
    userId,
    passwordVersion: before!.passwordVersion,
    tokenHash: Buffer.from("x"),
    keyHash: null,
    createdAt: new Date(deps.clock.now()),
    expiresAt: new Date(deps.clock.now() + 1_000),
    endsAt: null,
    firstTokenUntil: null,
    userAgent: "",
    address: "",
  };
  assert.equal(await store.sessions.add(session, 10), undefined);
  assert.deepEqual(
    await store.sessions.add({ ...session, passwordVersion: before!.passwordVersion + 1 }, 10),
    [],
  );
});

test("sign-ins, changes of the password and a bound on sessions do not get in each other's way", async () => {
  const pod = await startIdentity({ ...deps, config: identityConfig({ PARLEY_SESSIONS_PER_USER: 2 }) });
  const { userId, login } = await register();
  const calls = Array.from({ length: 60 }, (_, i) =>
    i % 3 === 0
      ? pod.internal.updateAccount({ userId, password })
      : pod.internal.startSession({ login, password }),
  );
  for (const outcome of await Promise.allSettled(calls)) {
    if (outcome.status === "rejected") await expectFault(Promise.reject(outcome.reason), "bad-credentials");
  }
});

test("an address to which settings give roles is neither taken on nor left", async () => {
  const { userId, email } = await register();
  const config = identityConfig({ PARLEY_ADMIN_EMAILS: ["root@example.com"], PARLEY_PAID_EMAILS: [email] });
  const pod = await startIdentity({ ...deps, config });
  await expectFault(pod.internal.updateAccount({ userId, email: "free@example.com" }), "forbidden");
  const other = await register();
  const asRoot = { userId: other.userId, email: "Root@example.com" };
  await expectFault(pod.internal.updateAccount(asRoot), "forbidden");
  assert.ok(await pod.internal.updateAccount({ userId, email: email.toUpperCase() }));
});

test("a user of an outside issuer may get an address and a password", async () => {
  const { userId } = await internal.resolveExternalUser({ issuer: "i", subject: "s", name: "S" });
  await internal.updateAccount({ userId, email: "outside@example.com" });
  await expectFault(auth.signIn({ email: "outside@example.com", password }), "bad-credentials");
  await internal.updateAccount({ userId, password: goodPassword });
  const { user } = await auth.signIn({ email: "outside@example.com", password: goodPassword });
  assert.equal(user?.id, userId);
});

test("nobody is not found", async () => {
  for (const userId of ["", "\0", "x", "00000000-0000-4000-8000-000000000000"]) {
    await expectFault(internal.updateAccount({ userId, email: "x@example.com" }), "user-not-found");
  }
});

const refusedInputs: Record<string, object> = {
  "no address": { email: "" },
  "an address with a NUL": { email: "a\0@example.com" },
  "an address of 255 characters": { email: `${"a".repeat(243)}@example.com` },
  "no password": { password: "" },
  "a password of 257 bytes": { password: "x".repeat(257) },
  "a password with a NUL": { password: "a\0" },
};

for (const [title, input] of Object.entries(refusedInputs)) {
  test(`refuses ${title}`, async () => {
    const { userId, signIn } = await register();
    await expectFault(internal.updateAccount({ userId, ...input }), "invalid-input");
    assert.ok(await signIn());
  });
}
