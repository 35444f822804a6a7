import assert from "node:assert/strict";
import { test } from "node:test";
import { choosePlan, type Expectation } from "#messenger/finding/choose-plan.ts";

const ofWords = (shares: number[]) => shares.map((share) => ({ atMost: share, likely: share }));

const among = (scopeSize: number, shares: number[], given: Partial<Expectation> = {}) =>
  choosePlan({ messageCount: 1_000_000, limit: 100, scopeSize, shares: ofWords(shares), ...given }).plan;

test("asks the index for rare words, whatever the chats", () => {
  for (const size of [200_000, 1_000_000]) assert.equal(among(size, [0.0001]), "selective");
});

test("crosses both indexes when what both name is little", () => {
  assert.equal(among(20_000, [0.02]), "crossed");
});

test("reads the chats themselves when they are small", () => {
  for (const share of [0.05, 0.5]) assert.equal(among(2_000, [share]), "own-chats");
  assert.equal(among(2_000, []), "own-chats");
});

test("walks the newest messages for words so common that enough of them are met at once", () => {
  for (const share of [0.05, 0.5]) assert.equal(among(500_000, [share]), "newest");
  assert.equal(among(500_000, []), "newest");
});

test("never asks the index without a condition for it", () => {
  for (const size of [0, 1, 1_000_000]) assert.notEqual(among(size, []), "selective");
});

test("asks the index for the rarest words only, and leaves the rest to the messages themselves", () => {
  const { indexed } = choosePlan({
    messageCount: 1_000_000,
    limit: 100,
    scopeSize: 1_000_000,
    shares: ofWords([0.3, 0.0001, 0.001]),
  });
  assert.deepEqual(indexed, [1, 2]);
});

test("knows what to do without statistics", () => {
  assert.equal(among(10, [0.005], { messageCount: 0 }), "own-chats");
  assert.equal(among(0, [], { messageCount: 0 }), "own-chats");
});

test("asks the index for common words next to each other: a walk would go far for them", () => {
  const shares = [{ atMost: 0.02, likely: 0.002 }];
  const { plan } = choosePlan({ messageCount: 1_000_000, limit: 100, scopeSize: 200_000, shares });
  assert.equal(plan, "selective");
  assert.equal(among(200_000, [0.05]), "newest");
});
