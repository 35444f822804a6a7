import assert from "node:assert/strict";
import { test } from "node:test";
import { createLruCache } from "#platform/lru-cache.ts";

test("forgets what was used the longest time ago", () => {
  const cache = createLruCache<string, number>(2);
  cache.set("a", 1);
  cache.set("b", 2);
  assert.equal(cache.get("a"), 1);
  cache.set("c", 3);
  assert.deepEqual([cache.get("a"), cache.get("b"), cache.get("c")], [1, undefined, 3]);
});

test("setting again replaces, and what is deleted is gone", () => {
  const cache = createLruCache<string, number>(2);
  cache.set("a", 1);
  cache.set("b", 2);
  cache.set("a", 3);
  cache.set("c", 4);
  assert.deepEqual([cache.get("a"), cache.get("b")], [3, undefined]);
  cache.delete("a");
  assert.equal(cache.get("a"), undefined);
});
