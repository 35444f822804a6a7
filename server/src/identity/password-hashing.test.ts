import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createPasswordHashing } from "#identity/password-hashing.ts";
import { createTestDatabase } from "#test/database.ts";
import {
  expectFault,
  goodPassword,
  identityConfig,
  identityDeps,
  signUp,
  startIdentity,
} from "#test/identity.ts";

const { database } = await createTestDatabase();
const hashings = createPasswordHashing(identityConfig());

test("the default is argon2id of 19 MiB, two passes, one lane", async () => {
  const defaults = createPasswordHashing(
    identityConfig({ PARLEY_ARGON2_MEMORY_KIB: 19_456, PARLEY_ARGON2_PASSES: 2 }),
  );
  const hash = await defaults.hash(goodPassword);
  assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.equal(await defaults.verify(hash, goodPassword), true);
  assert.equal(await defaults.verify(hash, `${goodPassword}!`), false);
});

test("without a hash no password matches", async () => {
  assert.equal(await hashings.verify(undefined, goodPassword), false);
  assert.equal(await hashings.verify(undefined, ""), false);
});

test("characters that only look alike are different passwords", async () => {
  const hash = await hashings.hash("x² password");
  assert.equal(await hashings.verify(hash, "x2 password"), false);
});

test("hashes of other parameters are outdated, those of the same are not", async () => {
  const hash = await hashings.hash(goodPassword);
  assert.equal(hashings.isOutdated(hash), false);
  const changes = [{ PARLEY_ARGON2_MEMORY_KIB: 64 }, { PARLEY_ARGON2_PASSES: 3 }, { PARLEY_ARGON2_LANES: 2 }];
  for (const change of changes) {
    assert.equal(createPasswordHashing(identityConfig(change)).isOutdated(hash), true);
  }
});

test("more sign-ins and sign-ups than can wait are told that the server is busy", async () => {
  const config = identityConfig({
    PARLEY_PASSWORD_HASH_CONCURRENCY: 1,
    PARLEY_PASSWORD_HASH_QUEUE: 2,
    PARLEY_ARGON2_MEMORY_KIB: 4_096,
    PARLEY_ARGON2_PASSES: 5,
  });
  const clients = await startIdentity(identityDeps(database, { config }));
  const email = await signUp(clients);
  const attempts = await Promise.allSettled(
    Array.from({ length: 20 }, () => clients.auth.signIn({ email, password: goodPassword })),
  );
  const refused = attempts.filter((attempt) => attempt.status === "rejected");
  assert.ok(refused.length > 0 && refused.length < 20, `${refused.length} of 20 refused`);
  for (const { reason } of refused) await expectFault(Promise.reject(reason), "overloaded");
  assert.ok(await clients.auth.signIn({ email, password: goodPassword }));
});

test("the event loop stays free while hashes are computed", async () => {
  const slow = createPasswordHashing(identityConfig({ PARLEY_ARGON2_MEMORY_KIB: 19_456 }));
  let turns = 0;
  let hashing = true;
  const count = () => {
    turns++;
    if (hashing) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(Array.from({ length: 4 }, () => slow.hash(goodPassword)));
  hashing = false;
  assert.ok(turns > 20, `${turns} turns`);
});
