import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createRegistrations } from "#identity/registrations.ts";

test("those with a key of one that makes its account are not tried", async () => {
  const registrations = createRegistrations();
  const first = Promise.withResolvers<string>();
  const made = registrations.run(["login", "address"], () => first.promise);
  let tried = 0;
  const again = ["login", "address"].map((key) =>
    registrations.run([key, "other"], async () => `${++tried}`),
  );
  const stranger = registrations.run(["other"], async () => "stranger");
  assert.equal(await stranger, "stranger");
  first.resolve("account");
  assert.equal(await made, "account");
  assert.deepEqual(await Promise.all(again), [undefined, undefined]);
  assert.equal(tried, 0);
  assert.equal(await registrations.run(["login"], async () => "asks the database"), "asks the database");
});

test("after one that fails the others are tried", async () => {
  const registrations = createRegistrations();
  const first = Promise.withResolvers<string>();
  const failed = registrations.run(["login"], () => first.promise);
  const others = [1, 2].map((i) => registrations.run(["login"], async () => i));
  first.reject(new Error("overloaded"));
  await assert.rejects(failed, /overloaded/);
  assert.deepEqual(await Promise.all(others), [1, 2]);
});
