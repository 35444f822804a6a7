import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createTestDatabase } from "#test/database.ts";
import {
  createTestClock,
  expectFault,
  identityConfig,
  identityDeps,
  newUser,
  recordEnded,
  type SignedIn,
  startIdentity,
} from "#test/identity.ts";

const clock = createTestClock();
const { database } = await createTestDatabase();
const config = identityConfig({ PARLEY_REFRESH_GRACE_SECONDS: 10 });
const deps = identityDeps(database, { clock, config });
const clients = await startIdentity(deps);
const otherPod = await startIdentity(deps);
const { auth } = clients;

const refresh = (refreshToken: string, on = auth) => on.refresh({ refreshToken });

async function liveSessionIds(user: SignedIn): Promise<string[]> {
  return (await auth.listSessions({}, { headers: user.headers })).sessions.map(({ id }) => id);
}

test("trades a refresh token for a new pair of the same session", async () => {
  const user = await newUser(clients, "Grace");
  const next = await refresh(user.refreshToken);
  assert.notEqual(next.refreshToken, user.refreshToken);
  assert.equal(next.expiresIn, 600);
  assert.equal(next.user?.id, user.actor.userId);
  assert.equal(next.user?.name, "Grace");
  assert.deepEqual(await liveSessionIds(user), [user.actor.sessionId]);
});

test("gives the same successor to a retry within the grace, from any pod", async () => {
  const user = await newUser(clients);
  const first = await refresh(user.refreshToken);
  clock.advance({ seconds: 9 });
  const retry = await refresh(user.refreshToken, otherPod.auth);
  assert.equal(retry.refreshToken, first.refreshToken);
  assert.ok(await refresh(retry.refreshToken));
});

test("ends the session when the former token comes again after the grace", async () => {
  const user = await newUser(clients);
  const ended = await recordEnded(deps, user.actor.userId);
  const next = await refresh(user.refreshToken);
  clock.advance({ seconds: 11 });
  await expectFault(refresh(user.refreshToken), "refresh-token-invalid");
  await expectFault(refresh(next.refreshToken), "refresh-token-invalid");
  assert.deepEqual(await liveSessionIds(user), []);
  assert.deepEqual(ended, { byAll: [user.actor.sessionId], byUser: [user.actor.sessionId] });
});

test("ends the session when a token from before the former one comes again, grace or not", async () => {
  const user = await newUser(clients);
  const second = await refresh(user.refreshToken);
  const third = await refresh(second.refreshToken);
  await expectFault(refresh(user.refreshToken), "refresh-token-invalid");
  await expectFault(refresh(second.refreshToken), "refresh-token-invalid");
  await expectFault(refresh(third.refreshToken), "refresh-token-invalid");
  assert.deepEqual(await liveSessionIds(user), []);
});

test("ends only the session of the reused token", async () => {
  const user = await newUser(clients);
  const { user: me } = await clients.users.getMe({}, { headers: user.headers });
  const other = await auth.signIn({ email: me!.email, password: "correct horse battery" });
  await refresh(user.refreshToken);
  clock.advance({ seconds: 11 });
  await expectFault(refresh(user.refreshToken), "refresh-token-invalid");
  assert.ok(await refresh(other.refreshToken));
});

test("answers any number of simultaneous refreshes on two pods with one successor", async () => {
  const user = await newUser(clients);
  let token = user.refreshToken;
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => refresh(token, i % 2 ? auth : otherPod.auth)),
    );
    const successors = new Set(answers.map(({ refreshToken }) => refreshToken));
    assert.equal(successors.size, 1);
    token = [...successors][0]!;
  }
  assert.deepEqual(await liveSessionIds(user), [user.actor.sessionId]);
});

test("with no grace, a second use of a token ends the session", async () => {
  const strict = await startIdentity({
    ...deps,
    config: identityConfig({ PARLEY_REFRESH_GRACE_SECONDS: 0 }),
  });
  const user = await newUser(clients);
  const next = await refresh(user.refreshToken);
  clock.advance({ ms: 1 });
  await expectFault(refresh(user.refreshToken, strict.auth), "refresh-token-invalid");
  await expectFault(refresh(next.refreshToken), "refresh-token-invalid");
});

test("an invented or altered token is refused and ends nothing", async () => {
  const user = await newUser(clients);
  const altered = Buffer.from(user.refreshToken, "base64url");
  altered[40]! ^= 1;
  for (const token of ["", "x", "\0", "é".repeat(500), altered.toString("base64url")]) {
    await expectFault(refresh(token), "refresh-token-invalid");
  }
  assert.ok(await refresh(user.refreshToken));
});

test("a token of another master secret is refused", async () => {
  const user = await newUser(clients);
  const { createRefreshTokens } = await import("#identity/refresh-token.ts");
  const foreign = createRefreshTokens(new Uint8Array(32)).first(user.actor.sessionId);
  await expectFault(refresh(foreign.text), "refresh-token-invalid");
  assert.ok(await refresh(user.refreshToken));
});

test("a session expires 30 days after its last refresh", async () => {
  const user = await newUser(clients);
  clock.advance({ days: 29 });
  const next = await refresh(user.refreshToken);
  clock.advance({ days: 29 });
  const last = await refresh(next.refreshToken);
  clock.advance({ days: 30, ms: 1 });
  await expectFault(refresh(last.refreshToken), "refresh-token-invalid");
});

test("a session expires at its greatest age however often it is refreshed, and its last token with it", async () => {
  const short = identityConfig({ PARLEY_SESSION_MAX_DAYS: 2 });
  const shortLived = await startIdentity({ ...deps, config: short });
  const user = await newUser(shortLived);
  clock.advance({ days: 1 });
  const next = await refresh(user.refreshToken, shortLived.auth);
  clock.advance({ days: 1, seconds: -60 });
  const last = await refresh(next.refreshToken, shortLived.auth);
  assert.equal(last.expiresIn, 60);
  clock.advance({ seconds: 60 });
  await expectFault(refresh(last.refreshToken, shortLived.auth), "refresh-token-invalid");
});

test("neither the database nor an old token is enough to refresh", async () => {
  const user = await newUser(clients);
  const [row] = await database.query<{ text: string }>({
    name: "test.session-row",
    text: "SELECT to_jsonb(s)::text AS text FROM identity.sessions s ORDER BY created_at DESC LIMIT 1",
  });
  const secret = Buffer.from(user.refreshToken, "base64url").subarray(16, 48);
  assert.ok(!row!.text.includes(secret.toString("hex")));
  assert.ok(!row!.text.includes(user.refreshToken));
});
