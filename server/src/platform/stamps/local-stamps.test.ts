import assert from "node:assert/strict";
import { test } from "node:test";
import { createLocalStamps } from "#platform/stamps/local-stamps.ts";

test("a stamp stays until its tag is changed, and never comes back", async () => {
  const stamps = createLocalStamps();
  const first = await stamps.read(["a", "b"]);
  assert.deepEqual(await stamps.read(["a", "b"]), first);
  await stamps.change(["a"]);
  const second = await stamps.read(["a", "b"]);
  assert.notEqual(second?.[0], first?.[0]);
  assert.equal(second?.[1], first?.[1]);
});

test("a change is seen by a read of the same turn, without waiting for it", async () => {
  const stamps = createLocalStamps();
  const [before] = (await stamps.read(["a"])) ?? [];
  void stamps.change(["a"]);
  const [after] = (await stamps.read(["a"])) ?? [];
  assert.notEqual(after, before);
});

test("a forgotten tag comes back with a stamp that it never had", async () => {
  const stamps = createLocalStamps({ maxKept: 2 });
  const [former] = (await stamps.read(["a"])) ?? [];
  await stamps.read(["b", "c", "d"]);
  const [latter] = (await stamps.read(["a"])) ?? [];
  assert.notEqual(latter, former);
});
