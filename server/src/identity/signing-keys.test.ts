import { strict as assert } from "node:assert";
import { beforeEach, test } from "node:test";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { createIdentity, createParts } from "#identity/service.ts";
import { sweep } from "#identity/sweep.ts";
import { createTestDatabase } from "#test/database.ts";
import {
  createTestClock,
  expectFault,
  type IdentityClients,
  identityDeps,
  newUser,
  type SignedIn,
  startIdentity,
  type TestClock,
} from "#test/identity.ts";

const { database } = await createTestDatabase();
const empty = { name: "test.no-keys", text: "DELETE FROM identity.signing_keys" };
await startIdentity(identityDeps(database));

let clock: TestClock;
beforeEach(async () => {
  clock = createTestClock();
  await database.query(empty);
});

const start = () => startIdentity(identityDeps(database, { clock }));
const maintain = () => sweep(createParts(identityDeps(database, { clock })));
const kidOf = ({ accessToken }: Pick<SignedIn, "accessToken">) => decodeProtectedHeader(accessToken).kid!;

async function publishedKids({ auth }: IdentityClients): Promise<string[]> {
  return (await auth.getJwks({})).keys.map(({ kid }) => kid);
}

async function verifies({ auth }: IdentityClients, accessToken: string): Promise<boolean> {
  const keys = (await auth.getJwks({})).keys.map((key) => ({ ...key })) as never[];
  const currentDate = new Date(clock.now());
  return jwtVerify(accessToken, createLocalJWKSet({ keys }), { currentDate }).then(
    () => true,
    () => false,
  );
}

test("pods that start at once on an empty database share one key", async () => {
  const pods = await Promise.all(Array.from({ length: 4 }, start));
  const sets = await Promise.all(pods.map(publishedKids));
  assert.equal(new Set(sets.flat()).size, 1);
  const sessions = await Promise.all(pods.map((pod) => newUser(pod)));
  for (const [i, session] of sessions.entries()) {
    assert.ok(await verifies(pods[(i + 1) % pods.length]!, session.accessToken));
  }
});

test("publishes the public half only, as an Ed25519 JWK named by its thumbprint", async () => {
  const pod = await start();
  const [key, ...others] = (await pod.auth.getJwks({})).keys;
  assert.equal(others.length, 0);
  const { x, kid, $typeName: _, ...rest } = key!;
  assert.deepEqual(rest, { kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig" });
  const { calculateJwkThumbprint } = await import("jose");
  assert.equal(kid, await calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x }));
});

test("a rotation on request signs at once, is seen by the other pods, and keeps former tokens valid", async () => {
  const [pod, otherPod] = [await start(), await start()];
  const former = await newUser(otherPod);
  const { kid } = await pod.internal.rotateSigningKey({});
  assert.equal(kidOf(await newUser(pod)), kid);
  assert.deepEqual(await publishedKids(otherPod), [kidOf(former), kid]);
  clock.advance({ seconds: 15 });
  const latter = await newUser(otherPod);
  assert.equal(kidOf(latter), kid);
  assert.ok(await verifies(pod, former.accessToken));
  assert.ok(await verifies(otherPod, latter.accessToken));
});

test("an old key stays published until every token it signed has expired, then it is removed", async () => {
  const pod = await start();
  const [formerKid] = await publishedKids(pod);
  const { kid } = await pod.internal.rotateSigningKey({});
  clock.advance({ seconds: 15 });
  const last = await newUser(pod);
  clock.advance({ seconds: 600 });
  await maintain();
  assert.deepEqual(await publishedKids(pod), [formerKid, kid]);
  assert.equal(await verifies(pod, last.accessToken), false);
  clock.advance({ seconds: 300 });
  await maintain();
  assert.deepEqual(await publishedKids(pod), [kid]);
});

test("by age, the next key is published before it signs, and made once by however many pods", async () => {
  const pod = await start();
  const [firstKid] = await publishedKids(pod);
  clock.advance({ days: 30, seconds: -601 });
  await maintain();
  assert.deepEqual(await publishedKids(pod), [firstKid]);
  clock.advance({ seconds: 1 });
  await Promise.all([maintain(), maintain(), maintain(), maintain()]);
  const [, secondKid, ...more] = await publishedKids(pod);
  assert.ok(secondKid);
  assert.deepEqual(more, []);
  clock.advance({ seconds: 599 });
  assert.equal(kidOf(await newUser(pod)), firstKid);
  clock.advance({ seconds: 1 });
  assert.equal(kidOf(await newUser(pod)), secondKid);
});

test("a rotation on request overrides a key that waits for its time", async () => {
  const pod = await start();
  clock.advance({ days: 30, seconds: -600 });
  await maintain();
  const { kid } = await pod.internal.rotateSigningKey({});
  clock.advance({ seconds: 601 });
  assert.equal(kidOf(await newUser(pod)), kid);
});

test("a pod whose clock is behind signs with the first key all the same", async () => {
  await start();
  clock.advance({ seconds: -30 });
  assert.ok(await newUser(await start()));
});

test("rotations without end are refused", async () => {
  const pod = await start();
  for (let i = 0; i < 19; i++) await pod.internal.rotateSigningKey({});
  await expectFault(pod.internal.rotateSigningKey({}), "too-many-requests");
  assert.equal((await publishedKids(pod)).length, 20);
});

test("another master secret fails the start, says so, and changes nothing", async () => {
  const pod = await start();
  const before = await publishedKids(pod);
  clock.advance({ days: 60 });
  const foreign = createIdentity(identityDeps(database, { clock, secretKey: new Uint8Array(32).fill(8) }));
  await assert.rejects(foreign.start(), /master secret \(PARLEY_SECRET_KEY\) does not open the signing keys/);
  await foreign.stop();
  assert.deepEqual(await publishedKids(pod), before);
});

test("a master secret that is too short is refused", () => {
  assert.throws(
    () => createIdentity(identityDeps(database, { secretKey: new Uint8Array(31) })),
    /at least 32 bytes/,
  );
});

test("the database holds no private key in the clear", async () => {
  await start();
  const [row] = await database.query<{ sealed: Buffer }>({
    name: "test.sealed",
    text: "SELECT sealed_private_key AS sealed FROM identity.signing_keys",
  });
  // The ASN.1 object identifier of Ed25519, which every PKCS #8 form of such a key holds.
  assert.equal(row!.sealed.indexOf(Buffer.from("06032b6570", "hex")), -1);
});
