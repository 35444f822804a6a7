/** The sync alone, fed by a simulated server: any order of arrival, losses, repetitions, reconnects. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventJson } from "@parley/api/v2/event";
import fc from "fast-check";
import type { Refetch } from "./events.ts";
import { createSync, type Sync, type SyncOptions } from "./sync.ts";

type Answer = Parameters<SyncOptions["resume"]>[1];

interface Rig {
  sync: Sync;
  seen: Map<string, number[]>;
  refetches: Refetch[];
  asked: { positions: Record<string, number>; done: Answer }[];
}

function createRig(positions: Record<string, number> = {}): Rig {
  const rig: Omit<Rig, "sync"> = { seen: new Map(), refetches: [], asked: [] };
  const sync = createSync({
    resume: (held, done) => rig.asked.push({ positions: held, done }),
    onEvent: ({ chatId, seq }) => rig.seen.set(chatId, [...(rig.seen.get(chatId) ?? []), seq]),
    onEphemeral: () => {},
    onRefetch: (refetch) => rig.refetches.push(refetch),
    onResumed: () => {},
    userId: () => "me",
    positions,
    backoff: { minMs: 0, maxMs: 1 },
    random: () => 0,
  });
  return { ...rig, sync };
}

const event = (chatId: string, seq: number): EventJson => ({ chatId, seq, kind: "message" });
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

/** Answers the oldest question as a server whose chats have come to these seqs; pushes the gaps first. */
function answer(rig: Rig, lastSeqs: Record<string, number>): void {
  const { positions, done } = rig.asked.shift()!;
  for (const [chatId, held] of Object.entries(positions)) {
    const gap = upTo(lastSeqs[chatId] ?? 0).slice(held);
    rig.sync.onEvents(gap.map((seq) => event(chatId, seq)));
  }
  const chats = Object.entries(lastSeqs).map(([chatId, seq]) => ({
    chatId,
    seq,
    recovered: chatId in positions,
  }));
  done(undefined, { chats });
}

type Step =
  | { kind: "happen"; chat: string }
  | { kind: "arrive"; index: number }
  | { kind: "lose"; index: number }
  | { kind: "reconnect" }
  | { kind: "answer" }
  | { kind: "positions" };

const chats = ["a", "b"];
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("happen" as const), chat: fc.constantFrom(...chats) }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("arrive" as const), index: fc.nat(5) }) },
  fc.record({ kind: fc.constant("lose" as const), index: fc.nat(5) }),
  fc.constant({ kind: "reconnect" as const }),
  { weight: 3, arbitrary: fc.constant({ kind: "answer" as const }) },
  fc.constant({ kind: "positions" as const }),
);

test("every event is seen once and in order, whatever arrives when", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const rig = createRig({ a: 0, b: 0 });
      const lastSeqs: Record<string, number> = { a: 0, b: 0 };
      let underWay: EventJson[] = [];
      rig.sync.onOpen();
      const run = (taken: Step): void => {
        if (taken.kind === "happen") underWay.push(event(taken.chat, ++lastSeqs[taken.chat]!));
        else if (taken.kind === "arrive") rig.sync.onEvents(underWay.splice(taken.index, 1));
        else if (taken.kind === "lose") underWay.splice(taken.index, 1);
        else if (taken.kind === "positions") rig.sync.onPositions(lastSeqs);
        else if (taken.kind === "answer" && rig.asked.length > 0) answer(rig, lastSeqs);
        else if (taken.kind === "reconnect") {
          underWay = [];
          rig.asked.length = 0;
          rig.sync.onDown();
          rig.sync.onOpen();
        }
      };
      for (const taken of steps) run(taken);
      // A last look at the positions, and the answers to all questions, bring everything.
      for (let i = 0; i < 5; i++) {
        while (rig.asked.length > 0) answer(rig, lastSeqs);
        rig.sync.onPositions(lastSeqs);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      for (const chatId of chats) assert.deepEqual(rig.seen.get(chatId) ?? [], upTo(lastSeqs[chatId]!));
      assert.deepEqual(rig.refetches, []);
      rig.sync.onDown();
    }),
    { numRuns: 150 },
  );
});

test("what came before the first answer waits for where delivery starts", () => {
  const rig = createRig();
  rig.sync.onOpen();
  rig.sync.onEvents([event("a", 4), event("a", 5), event("a", 6)]);
  rig.asked.shift()!.done(undefined, { chats: [{ chatId: "a", seq: 5, recovered: false }] });
  assert.deepEqual(rig.seen.get("a"), [6]);
  assert.deepEqual(rig.refetches, []);
});

test("of a chat that came into being while connected nothing is missed, even when the connection then breaks", () => {
  const rig = createRig();
  rig.sync.onOpen();
  answer(rig, {});
  rig.sync.onEvents([{ chatId: "new", kind: "chat" }]);
  rig.sync.onDown();
  rig.sync.onOpen();
  answer(rig, { new: 3 });
  assert.deepEqual(rig.seen.get("new"), [1, 2, 3]);
  assert.deepEqual(rig.refetches, []);
});

test("a server that was set back to an older state is followed", () => {
  const rig = createRig({ a: 10 });
  rig.sync.onOpen();
  rig.asked.shift()!.done(undefined, { chats: [{ chatId: "a", seq: 7, recovered: false }] });
  rig.sync.onEvents([event("a", 8)]);
  assert.deepEqual(rig.seen.get("a"), [8]);
  assert.deepEqual(rig.refetches, [{ chatId: "a", reason: "not-recovered" }]);
});

test("an answer that promises more than was pushed is not believed", () => {
  const rig = createRig({ a: 1 });
  rig.sync.onOpen();
  rig.sync.onEvents([event("a", 2)]);
  rig.asked.shift()!.done(undefined, { chats: [{ chatId: "a", seq: 3, recovered: true }] });
  assert.deepEqual(rig.refetches, [{ chatId: "a", reason: "not-recovered" }]);
  assert.deepEqual(rig.sync.positions(), { a: 3 });
});

test("more positions than one call may name are named in several", () => {
  const many = Object.fromEntries(upTo(4500).map((n) => [`chat-${n}`, 1]));
  const rig = createRig(many);
  rig.sync.onOpen();
  const named: string[] = [];
  for (let i = 0; i < 3; i++) {
    named.push(...Object.keys(rig.asked[0]!.positions));
    answer(rig, Object.fromEntries(Object.keys(many).map((id) => [id, 2])));
  }
  assert.equal(rig.asked.length, 0);
  assert.deepEqual(named, Object.keys(many));
  assert.deepEqual(rig.refetches, []);
  assert.ok([...rig.seen.values()].every((seqs) => seqs.length === 1));
});
