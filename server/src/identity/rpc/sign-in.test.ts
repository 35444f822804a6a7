import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { createTestDatabase } from "#test/database.ts";
import {
  createTestClock,
  expectFault,
  goodPassword,
  identityConfig,
  identityDeps,
  newUser,
  recordEnded,
  signIn,
  signUp,
  startIdentity,
} from "#test/identity.ts";

const clock = createTestClock();
const { database } = await createTestDatabase();
const deps = identityDeps(database, { clock });
const clients = await startIdentity(deps);
const { auth } = clients;

test("answers an access token that the published keys verify", async () => {
  const { accessToken, actor, expiresIn } = await newUser(clients);
  const { keys } = await auth.getJwks({});
  const { payload, protectedHeader } = await jwtVerify(
    accessToken,
    createLocalJWKSet({ keys: plain(keys) }),
    {
      issuer: "parley",
      audience: "parley",
      typ: "at+jwt",
      algorithms: ["EdDSA"],
      currentDate: new Date(clock.now()),
    },
  );
  assert.equal(payload.sub, actor.userId);
  assert.equal(payload.sid, actor.sessionId);
  assert.equal(payload.exp! - payload.iat!, 600);
  assert.equal(payload.iat, clock.now() / 1_000);
  assert.equal(payload.roles, undefined);
  assert.equal(expiresIn, 600);
  assert.equal(protectedHeader.kid, keys[0]?.kid);
});

test("signs with the issuer and audience that are set", async () => {
  const config = identityConfig({ PARLEY_ISSUER: "https://chat.example.com", PARLEY_AUDIENCE: "chat" });
  const { accessToken } = await newUser(await startIdentity({ ...deps, config }));
  const { keys } = await auth.getJwks({});
  await jwtVerify(accessToken, createLocalJWKSet({ keys: plain(keys) }), {
    issuer: "https://chat.example.com",
    audience: "chat",
    currentDate: new Date(clock.now()),
  });
  assert.equal(decodeProtectedHeader(accessToken).alg, "EdDSA");
});

test("a wrong password and an unknown address get the same refusal", async () => {
  const email = await signUp(clients);
  const refusals = await Promise.allSettled([
    auth.signIn({ email, password: "not the password" }),
    auth.signIn({ email: "nobody@example.com", password: "not the password" }),
    auth.signIn({ email: "no address at all", password: "not the password" }),
    auth.signIn({ email: "\0", password: "not the password" }),
  ]);
  for (const refusal of refusals) {
    assert.equal(refusal.status, "rejected");
    assert.equal(refusal.reason.rawMessage, "Wrong email or password");
    await expectFault(Promise.reject(refusal.reason), "bad-credentials");
  }
});

test("an over-long password is refused as such, whoever's it is", async () => {
  const password = "x".repeat(257);
  await expectFault(auth.signIn({ email: await signUp(clients), password }), "invalid-input");
  await expectFault(auth.signIn({ email: "nobody@example.com", password }), "invalid-input");
});

test("a password may be typed composed or decomposed, with any kind of space", async () => {
  const email = "unicode@example.com";
  await auth.signUp({ email, password: "na\u00efve\u00a0caf\u00e9", name: "U" });
  assert.ok(await auth.signIn({ email, password: "nai\u0308ve cafe\u0301" }));
  await expectFault(auth.signIn({ email, password: "naive cafe" }), "bad-credentials");
});

test("gives the role admin to the addresses that the settings name, and the user's own roles", async () => {
  const config = identityConfig({ PARLEY_ADMIN_EMAILS: ["Root@Example.com"] });
  const pod = await startIdentity({ ...deps, config });
  await pod.auth.signUp({ email: "root@example.com", password: goodPassword, name: "Root" });
  assert.deepEqual((await signIn(pod, "root@example.com")).actor.roles, ["admin"]);
  assert.deepEqual((await signIn(clients, "root@example.com")).actor.roles, []);
  assert.deepEqual((await newUser(pod)).actor.roles, []);
  const text = "UPDATE identity.users SET roles = '{auditor}' WHERE email_key = 'root@example.com'";
  await database.query({ name: "test.roles", text });
  const session = await signIn(pod, "root@example.com");
  assert.deepEqual(session.actor.roles, ["auditor", "admin"]);
});

test("gives the role paid to the addresses that the settings name, besides admin", async () => {
  const config = identityConfig({
    PARLEY_ADMIN_EMAILS: ["both@example.com"],
    PARLEY_PAID_EMAILS: ["Buyer@Example.com", "both@example.com"],
  });
  const pod = await startIdentity({ ...deps, config });
  for (const email of ["buyer@example.com", "both@example.com"])
    await pod.auth.signUp({ email, password: goodPassword, name: "Buyer" });
  assert.deepEqual((await signIn(pod, "buyer@example.com")).actor.roles, ["paid"]);
  assert.deepEqual((await signIn(pod, "both@example.com")).actor.roles, ["admin", "paid"]);
  assert.deepEqual((await signIn(clients, "buyer@example.com")).actor.roles, []);
  assert.deepEqual((await newUser(pod)).actor.roles, []);
});

test("hashes the password anew when the parameters have changed", async () => {
  const email = await signUp(clients);
  const stored = async () => {
    const text = `SELECT password_hash AS hash FROM identity.users WHERE email_key = $1`;
    return (await database.query<{ hash: string }>({ name: "test.hash", text }, [email]))[0]!.hash;
  };
  const former = await stored();
  assert.match(former, /^\$argon2id\$v=19\$m=32,t=1,p=1\$/);
  await signIn(clients, email);
  assert.equal(await stored(), former);
  const stronger = await startIdentity({ ...deps, config: identityConfig({ PARLEY_ARGON2_PASSES: 2 }) });
  await expectFault(stronger.auth.signIn({ email, password: "not the password" }), "bad-credentials");
  assert.equal(await stored(), former);
  await signIn(stronger, email);
  assert.match(await stored(), /^\$argon2id\$v=19\$m=32,t=2,p=1\$/);
  await signIn(stronger, email);
});

test("one session more than a user may have ends the one that was unused the longest", async () => {
  const pod = await startIdentity({ ...deps, config: identityConfig({ PARLEY_SESSIONS_PER_USER: 3 }) });
  const email = await signUp(pod);
  const sessions = [];
  for (let i = 0; i < 3; i++) {
    sessions.push(await signIn(pod, email));
    clock.advance({ seconds: 1 });
  }
  const [first, second, third] = sessions;
  await auth.refresh({ refreshToken: first!.refreshToken });
  const ended = await recordEnded(deps, first!.actor.userId);
  const fourth = await signIn(pod, email);
  assert.deepEqual(ended.byUser, [second!.actor.sessionId]);
  const { sessions: live } = await auth.listSessions({}, { headers: fourth.headers });
  assert.deepEqual(
    new Set(live.map(({ id }) => id)),
    new Set([first, third, fourth].map((session) => session!.actor.sessionId)),
  );
});

test("many sign-ins of one user at the same moment do not get in each other's way", async () => {
  const few = identityConfig({ PARLEY_SESSIONS_PER_USER: 3 });
  const pods = [await startIdentity({ ...deps, config: few }), await startIdentity({ ...deps, config: few })];
  const email = await signUp(clients);
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 40 }, () => signIn(clients, email)));
    await Promise.all(Array.from({ length: 20 }, (_, i) => signIn(pods[i % 2]!, email)));
    const last = await signIn(pods[0]!, email);
    const { sessions } = await auth.listSessions({}, { headers: last.headers });
    assert.equal(sessions.length, 3);
  }
});

function plain<T extends object>(keys: T[]) {
  return keys.map((key) => ({ ...key })) as never[];
}
