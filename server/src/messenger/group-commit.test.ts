import assert from "node:assert/strict";
import { test } from "node:test";
import { createChatTurns } from "#messenger/chat-turns.ts";
import { GroupCommit, type GroupCommitOptions, type ValidSend } from "#messenger/group-commit.ts";
import { fault } from "#platform/errors.ts";

const send = (chatId: string, clientId: string, text = "text"): ValidSend => ({
  chatId,
  senderId: "anna",
  clientId,
  text,
  replyToSeq: null,
  attachments: null,
});

/** A store whose batches are answered when the test says so. */
function controlled(options: Partial<GroupCommitOptions> = {}) {
  const turns = createChatTurns({ maxWaitingPerChat: 10, maxWaitMs: 60_000 });
  const batches: Array<{ clientIds: string[]; answer(): void; refuse(error: unknown): void }> = [];
  const groupCommit = new GroupCommit({
    turns,
    maxBatch: 100,
    maxBatchBytes: 1_000_000,
    maxInFlight: 1,
    maxQueued: 100,
    maxQueuedBytes: 1_000_000,
    store: (sends) =>
      new Promise((resolve, reject) => {
        const results = sends.map(({ clientId }) => ({ message: { id: clientId } as never }));
        batches.push({
          clientIds: sends.map(({ clientId }) => clientId),
          answer: () => resolve(results),
          refuse: reject,
        });
      }),
    ...options,
  });
  return { turns, batches, groupCommit };
}

/** Lets everything happen that waits for nothing but its turn. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("stores at once when idle, and next what gathered meanwhile", async () => {
  const { batches, groupCommit } = controlled();
  const all = [groupCommit.submit(send("a", "1")), groupCommit.submit(send("b", "2"))];
  await settled();
  all.push(groupCommit.submit(send("a", "3")), groupCommit.submit(send("c", "4")));
  await settled();
  assert.deepEqual(
    batches.map(({ clientIds }) => clientIds),
    [["1", "2"]],
  );
  batches[0]!.answer();
  await settled();
  assert.deepEqual(batches[1]!.clientIds.toSorted(), ["3", "4"]);
  batches[1]!.answer();
  await Promise.all(all);
});

test("a chat is in one batch at a time, and its sends stay in order", async () => {
  const { batches, groupCommit } = controlled({ maxInFlight: 2, maxBatch: 2 });
  const all = ["1", "2", "3"].map((clientId) => groupCommit.submit(send("a", clientId)));
  all.push(groupCommit.submit(send("b", "4")));
  await settled();
  assert.deepEqual(
    batches.map(({ clientIds }) => clientIds),
    [["1", "2"], ["4"]],
  );
  batches[0]!.answer();
  await settled();
  assert.deepEqual(batches[2]!.clientIds, ["3"]);
  batches[1]!.answer();
  batches[2]!.answer();
  await Promise.all(all);
});

test("other changes of a chat get their turn between two batches", async () => {
  const { turns, batches, groupCommit } = controlled({ maxBatch: 1 });
  const order: string[] = [];
  const sends = ["1", "2"].map((clientId) =>
    groupCommit.submit(send("a", clientId)).then(() => order.push(clientId)),
  );
  const change = turns.run("a", async () => {
    order.push("change");
  });
  await settled();
  batches[0]!.answer();
  await settled();
  batches[1]!.answer();
  await Promise.all([...sends, change]);
  assert.deepEqual(order.toSorted(), ["1", "2", "change"]);
  assert.ok(order.indexOf("change") < order.indexOf("2"));
});

test("refuses what would pass its bounds, and takes it again once there is room", async () => {
  const { batches, groupCommit } = controlled({ maxQueued: 2 });
  const taken = [groupCommit.submit(send("a", "1")), groupCommit.submit(send("a", "2"))];
  assert.deepEqual(await groupCommit.submit(send("a", "3")), { errorCode: "overloaded" });
  await settled();
  batches[0]!.answer();
  await Promise.all(taken);
  const again = groupCommit.submit(send("a", "3"));
  await settled();
  batches[1]!.answer();
  assert.ok("message" in (await again));
  const small = controlled({ maxQueuedBytes: 1_000 });
  assert.deepEqual(await small.groupCommit.submit(send("a", "1", "x".repeat(400))), {
    errorCode: "overloaded",
  });
});

test("a batch ends at its limit of bytes", async () => {
  const { batches, groupCommit } = controlled({ maxBatchBytes: 1_000 });
  const all = ["1", "2", "3"].map((id) => groupCommit.submit(send("a", id, "x".repeat(200))));
  await settled();
  assert.deepEqual(batches[0]!.clientIds, ["1", "2"]);
  batches[0]!.answer();
  await settled();
  batches[1]!.answer();
  await Promise.all(all);
});

test("every send of a batch fails with the batch when the database is away", async () => {
  const { batches, groupCommit } = controlled();
  const all = ["1", "2"].map((clientId) => groupCommit.submit(send("a", clientId)));
  await settled();
  batches[0]!.refuse(fault("unavailable"));
  assert.deepEqual(await Promise.all(all), [{ errorCode: "unavailable" }, { errorCode: "unavailable" }]);
  assert.equal(batches.length, 1, "it is not tried again by itself");
});

test("one send that the database refuses fails alone", async () => {
  const turns = createChatTurns({ maxWaitingPerChat: 10, maxWaitMs: 60_000 });
  const { groupCommit } = controlled({
    turns,
    store: async (sends) => {
      if (sends.some(({ clientId }) => clientId === "bad")) throw new Error("refused");
      return sends.map(({ clientId }) => ({ message: { id: clientId } as never }));
    },
  });
  const results = await Promise.all(
    ["1", "2", "bad", "4", "5"].map((clientId) => groupCommit.submit(send("a", clientId))),
  );
  assert.deepEqual(
    results.map((result) => ("errorCode" in result ? result.errorCode : result.message.id)),
    ["1", "2", "internal", "4", "5"],
  );
});

test("stop waits for what was accepted and refuses the rest", async () => {
  const { batches, groupCommit } = controlled();
  const accepted = groupCommit.submit(send("a", "1"));
  let isStopped = false;
  const stopped = groupCommit.stop(5_000).then(() => {
    isStopped = true;
  });
  assert.deepEqual(await groupCommit.submit(send("a", "2")), { errorCode: "unavailable" });
  await settled();
  assert.equal(isStopped, false);
  batches[0]!.answer();
  await stopped;
  assert.ok("message" in (await accepted));
});

test("stop ends at its deadline when the database does not answer", async () => {
  const { groupCommit } = controlled();
  void groupCommit.submit(send("a", "1"));
  await groupCommit.stop(20);
});
