/** Sessions as the old APIs begin them, and the keys that stand for some. */
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { decodeJwt } from "jose";
import { createParts } from "#identity/service.ts";
import { sweep } from "#identity/sweep.ts";
import { actorHeaders } from "#platform/actor.ts";
import type { Database } from "#platform/database.ts";
import { createTestDatabase } from "#test/database.ts";
import {
  createTestClock,
  expectFault,
  goodPassword,
  holderOf,
  identityConfig,
  identityDeps,
  recordEnded,
  signUp,
  startIdentity,
} from "#test/identity.ts";

const clock = createTestClock();
const { database } = await createTestDatabase();
const deps = identityDeps(database, { clock });
const clients = await startIdentity(deps);
const { auth, internal } = clients;
const password = "pass";

let accounts = 0;
async function register(): Promise<string> {
  const login = `User ${++accounts}`;
  await internal.registerAccount({ login, email: `old-${accounts}@example.com`, password });
  return login;
}

const hashOf = (key: string) => createHash("sha256").update(key).digest();
const headersOf = (accessToken: string) => ({
  headers: actorHeaders({ ...holderOf({ accessToken }), roles: [] }),
});
const lifeOf = (accessToken: string) => {
  const { iat, exp } = decodeJwt(accessToken);
  return exp! - iat!;
};

test("one account signs in by login name and by address, in the old APIs and in the new one", async () => {
  await register();
  for (const name of [` USER ${accounts}`, `OLD-${accounts}@example.com `]) {
    const old = await internal.startSession({ login: name, password });
    const { user } = await auth.signIn({ email: name, password });
    assert.equal(user?.id, holderOf(old).userId);
    assert.equal(user?.email, `old-${accounts}@example.com`);
  }
  const email = await signUp(clients);
  assert.ok(await internal.startSession({ login: email, password: goodPassword }));
});

test("a wrong password and an unknown login get the same refusal", async () => {
  const login = await register();
  const unknown = ["nobody", "nobody@example.com", "", "a\0b", "\ud800", "x".repeat(1_000)];
  for (const name of [login, `old-${accounts}@example.com`, ...unknown]) {
    await expectFault(internal.startSession({ login: name, password: "wrong" }), "bad-credentials");
    await expectFault(internal.startSession({ login: name, password: "" }), "bad-credentials");
    await expectFault(internal.startSession({ login: name, password: "x".repeat(257) }), "invalid-input");
  }
});

test("a session is like any other unless it is asked to be otherwise", async () => {
  const login = await register();
  const session = await internal.startSession({ login, password });
  assert.equal(session.expiresIn, 600);
  assert.equal(lifeOf(session.accessToken), 600);
  assert.equal(timestampMs(session.sessionExpiresAt!) - clock.now(), 30 * 86_400_000);
  assert.equal(session.sessionKey, "");
  assert.ok(await auth.refresh({ refreshToken: session.refreshToken }));
  const { sessions } = await auth.listSessions({}, headersOf(session.accessToken));
  assert.deepEqual(
    sessions.map(({ id, current }) => [id, current]),
    [[holderOf(session).sessionId, true]],
  );
});

test("a refresh does not make a session of one hour last longer", async () => {
  const login = await register();
  const session = await internal.startSession({ login, password, sessionSeconds: 3_600 });
  const end = timestampMs(session.sessionExpiresAt!);
  assert.equal(end - clock.now(), 3_600_000);
  clock.advance({ seconds: 3_500 });
  const refreshed = await auth.refresh({ refreshToken: session.refreshToken });
  assert.equal(lifeOf(refreshed.accessToken), 100);
  const { sessions } = await auth.listSessions({}, headersOf(refreshed.accessToken));
  assert.equal(timestampMs(sessions[0]!.expiresAt!), end);
  clock.advance({ seconds: 100 });
  await expectFault(auth.refresh({ refreshToken: refreshed.refreshToken }), "refresh-token-invalid");
});

test("a first access token may last longer, but not longer than its session or a day", async () => {
  const login = await register();
  const life = async (terms: object) => {
    const { accessToken, expiresIn } = await internal.startSession({ login, password, ...terms });
    assert.equal(lifeOf(accessToken), expiresIn);
    return expiresIn;
  };
  assert.equal(await life({ accessTokenSeconds: 3_600 }), 3_600);
  assert.equal(await life({ accessTokenSeconds: 60 }), 60);
  assert.equal(await life({ accessTokenSeconds: 86_400, sessionSeconds: 3_600 }), 3_600);
  const tooLong = internal.startSession({ login, password, accessTokenSeconds: 86_401 });
  await expectFault(tooLong, "invalid-input");
});

test("no session lasts longer than the settings allow", async () => {
  const login = await register();
  const session = await internal.startSession({ login, password, sessionSeconds: 4_294_967_295 });
  assert.equal(timestampMs(session.sessionExpiresAt!) - clock.now(), 30 * 86_400_000);
});

test("a session key stands for its session, with the roles that tokens have", async () => {
  const login = await register();
  const config = identityConfig({ PARLEY_PAID_EMAILS: [`old-${accounts}@example.com`] });
  const pod = await startIdentity({ ...deps, config });
  const session = await pod.internal.startSession({
    login,
    password,
    sessionSeconds: 3_600,
    withSessionKey: true,
  });
  assert.match(session.sessionKey, /^[0-9a-f]{32}$/);
  assert.equal(session.refreshToken, "");
  const found = await pod.internal.resolveSessionKey({ keyHash: hashOf(session.sessionKey) });
  assert.deepEqual(
    { ...found, expiresAt: timestampMs(found.expiresAt!) },
    {
      $typeName: "parley.internal.v1.ResolveSessionKeyResponse",
      ...holderOf(session),
      roles: ["paid"],
      expiresAt: clock.now() + 3_600_000,
    },
  );
});

test("a session key is over with its session", async () => {
  const login = await register();
  const start = async () => {
    const session = await internal.startSession({
      login,
      password,
      sessionSeconds: 3_600,
      withSessionKey: true,
    });
    return { ...session, resolve: () => internal.resolveSessionKey({ keyHash: hashOf(session.sessionKey) }) };
  };
  const [first, second, third] = [await start(), await start(), await start()];
  await auth.signOut({}, headersOf(first.accessToken));
  await auth.revokeSession({ id: holderOf(second).sessionId }, headersOf(third.accessToken));
  await expectFault(first.resolve(), "unauthenticated");
  await expectFault(second.resolve(), "unauthenticated");
  assert.equal((await third.resolve()).sessionId, holderOf(third).sessionId);
  clock.advance({ ms: 3_599_999 });
  assert.ok(await third.resolve());
  clock.advance({ ms: 1 });
  await expectFault(third.resolve(), "unauthenticated");
});

test("invented keys are refused", async () => {
  const session = await internal.startSession({ login: await register(), password });
  assert.ok(session.accessToken);
  const hashes = [
    new Uint8Array(),
    hashOf(""),
    new Uint8Array(31),
    new Uint8Array(33),
    hashOf("0".repeat(32)),
  ];
  for (const keyHash of hashes) await expectFault(internal.resolveSessionKey({ keyHash }), "unauthenticated");
});

test("the database keeps no key that could be shown, and finds its hash by an index", async () => {
  const { sessionKey } = await internal.startSession({
    login: await register(),
    password,
    withSessionKey: true,
  });
  const dump = "SELECT string_agg(s::text, ' ') AS rows FROM identity.sessions s";
  const [{ rows }] = (await database.query<{ rows: string }>({ name: "test.dump", text: dump })) as [
    { rows: string },
  ];
  assert.equal(rows.includes(sessionKey), false);
  assert.equal(rows.includes(hashOf(sessionKey).toString("hex")), true);
  const explain = "EXPLAIN SELECT id FROM identity.sessions WHERE key_hash = $1 AND ended_at IS NULL";
  const plan = await database.query({ name: "test.plan", text: explain }, [hashOf(sessionKey)]);
  assert.match(JSON.stringify(plan), /sessions_key_hash/);
});

test("an ended session is told of for as long as its first access token lasts", async () => {
  const login = await register();
  const long = await internal.startSession({ login, password, accessTokenSeconds: 3_600 });
  const usual = await internal.startSession({ login, password });
  for (const { accessToken } of [long, usual]) await auth.signOut({}, headersOf(accessToken));
  const told = async () => {
    await sweep(createParts(deps));
    const ids = new Set((await internal.listEndedSessions({})).sessionIds);
    return [long, usual].map((session) => ids.has(holderOf(session).sessionId));
  };
  assert.deepEqual(await told(), [true, true]);
  clock.advance({ seconds: 901 });
  assert.deepEqual(await told(), [true, false]);
  clock.advance({ seconds: 3_600 + 300 - 902 });
  assert.deepEqual(await told(), [true, false]);
  clock.advance({ seconds: 1 });
  assert.deepEqual(await told(), [false, false]);
});

test("a signing key stays published until the longest token that it signed has expired", async () => {
  const published = async () => {
    await sweep(createParts(deps));
    return (await auth.getJwks({})).keys.map(({ kid }) => kid);
  };
  const [former] = (await published()).slice(-1);
  await internal.startSession({ login: await register(), password, accessTokenSeconds: 7_200 });
  await internal.rotateSigningKey({});
  await internal.startSession({ login: await register(), password, accessTokenSeconds: 86_400 });
  clock.advance({ seconds: 7_200 + 299 });
  assert.equal((await published()).includes(former!), true);
  clock.advance({ seconds: 1 });
  assert.equal(
    (await published()).includes(former!),
    true,
    "who began it later may have had it by the former key",
  );
  clock.advance({ seconds: 86_400 });
  assert.equal((await published()).includes(former!), false);
});

test("a key ends with the session that one more displaces", async () => {
  const login = await register();
  const pod = await startIdentity({ ...deps, config: identityConfig({ PARLEY_SESSIONS_PER_USER: 1 }) });
  const first = await pod.internal.startSession({ login, password, withSessionKey: true });
  const ended = await recordEnded(deps, holderOf(first).userId);
  clock.advance({ seconds: 1 });
  await pod.internal.startSession({ login, password, withSessionKey: true });
  assert.deepEqual(ended.byAll, [holderOf(first).sessionId]);
  await expectFault(internal.resolveSessionKey({ keyHash: hashOf(first.sessionKey) }), "unauthenticated");
});

test("the use of a session key moves when its session was used, every ten minutes at the most", async () => {
  const login = await register();
  const key = await internal.startSession({ login, password, withSessionKey: true });
  const startedAtMs = clock.now();
  const headers = headersOf((await internal.startSession({ login, password })).accessToken);
  const usedAtMs = async () => {
    const { sessions } = await auth.listSessions({}, headers);
    return timestampMs(sessions.find(({ id }) => id === holderOf(key).sessionId)!.lastUsedAt!);
  };
  const resolve = (of = internal) => of.resolveSessionKey({ keyHash: hashOf(key.sessionKey) });
  clock.advance({ seconds: 599 });
  await resolve();
  assert.equal(await usedAtMs(), startedAtMs);
  clock.advance({ seconds: 1 });
  await resolve();
  assert.equal(await usedAtMs(), clock.now());

  const noNotes: Database = {
    ...database,
    async query(statement, values) {
      if (statement.name === "identity.sessions.use") throw new Error("away");
      return database.query(statement, values);
    },
  };
  const pod = await startIdentity({ ...deps, database: noNotes });
  const notedAtMs = clock.now();
  clock.advance({ seconds: 600 });
  assert.equal((await resolve(pod.internal)).sessionId, holderOf(key).sessionId);
  assert.equal(await usedAtMs(), notedAtMs);
});

test("of too many sessions one whose key is in use outlives one that is not", async () => {
  const login = await register();
  const pod = await startIdentity({ ...deps, config: identityConfig({ PARLEY_SESSIONS_PER_USER: 2 }) });
  const start = () => pod.internal.startSession({ login, password, withSessionKey: true });
  const resolve = ({ sessionKey }: { sessionKey: string }) =>
    pod.internal.resolveSessionKey({ keyHash: hashOf(sessionKey) });
  const used = await start();
  clock.advance({ seconds: 1 });
  const idle = await start();
  clock.advance({ seconds: 600 });
  await resolve(used);
  await start();
  assert.ok(await resolve(used));
  await expectFault(resolve(idle), "unauthenticated");
});
