import assert from "node:assert/strict";
import { test } from "node:test";
import { createChatTurns } from "#messenger/chat-turns.ts";
import { codeOf } from "#test/messenger-fixture.ts";

test("work on one chat goes one by one in the order of asking, on several at the same time", async () => {
  const turns = createChatTurns({ maxWaitingPerChat: 10, maxWaitMs: 60_000 });
  const order: string[] = [];
  const work = (name: string) => async () => {
    order.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    order.push(`${name} ends`);
  };
  await Promise.all([turns.run("a", work("a1")), turns.run("a", work("a2")), turns.run("b", work("b1"))]);
  assert.deepEqual(order, ["a1 begins", "b1 begins", "a1 ends", "a2 begins", "b1 ends", "a2 ends"]);
});

test("work that fails gives its turn back", async () => {
  const turns = createChatTurns({ maxWaitingPerChat: 10, maxWaitMs: 60_000 });
  await assert.rejects(
    turns.run("a", () => Promise.reject(new Error("failed"))),
    /failed/,
  );
  assert.equal(await turns.run("a", async () => "next"), "next");
});

test("refuses more waiting than allowed, and a wait too long", async () => {
  const turns = createChatTurns({ maxWaitingPerChat: 1, maxWaitMs: 20 });
  const { promise, resolve } = Promise.withResolvers<void>();
  const running = turns.run("a", () => promise);
  const waiting = codeOf(turns.run("a", async () => {}));
  assert.equal(await codeOf(turns.run("a", async () => {})), "overloaded", "one waits already");
  assert.equal(await waiting, "overloaded", "it waited too long");
  resolve();
  await running;
  assert.equal(await turns.run("a", async () => "free again"), "free again");
});
