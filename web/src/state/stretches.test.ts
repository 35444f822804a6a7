import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "@parley/client";
import fc from "fast-check";
import { emptyThread, initialState, type Stretch, type Thread } from "./app-state.ts";
import { addPage, holds, showLatest, shownOf, showStretch } from "./stretches.ts";
import { addMessage } from "./updates.ts";

function message(no: number): Message {
  return {
    id: `m${no}`,
    chatId: "c",
    // Other events stand between the messages.
    seq: no * 3,
    no,
    senderId: "other",
    clientId: "",
    text: `text ${no}`,
    replyTo: "",
    reactions: [],
    attachments: [],
  };
}

/** From a number to another, both included, of a chat that begins with 1. */
function stretch(from: number, to: number): Stretch {
  const messages = Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => message(from + i));
  return { messages, hasOlder: from > 1 };
}

const thread = (from: number, to: number): Thread => ({
  ...emptyThread,
  ...stretch(from, to),
  isLoaded: true,
});
const nosOf = ({ messages }: Stretch) => messages.map(({ no }) => no);
const upTo = (from: number, to: number) => nosOf(stretch(from, to));

test("an excerpt is shown instead of the latest messages, and left for them", () => {
  const shown = showStretch(thread(90, 100), stretch(40, 50));
  assert.deepEqual(nosOf(shownOf(shown)), upTo(40, 50));
  assert.deepEqual(nosOf(shown), upTo(90, 100));
  assert.deepEqual(nosOf(shownOf(showLatest(shown))), upTo(90, 100));
  assert.ok(holds(shownOf(shown), 45) && !holds(shownOf(shown), 95));
});

test("stretches that touch or overlap become one, from the older one's beginning", () => {
  for (const to of [89, 95]) {
    const joined = showStretch(thread(90, 100), stretch(1, to));
    assert.equal(joined.excerpt, undefined);
    assert.deepEqual(nosOf(joined), upTo(1, 100));
    assert.equal(joined.hasOlder, false);
  }
  assert.notEqual(showStretch(thread(90, 100), stretch(1, 88)).excerpt, undefined);
});

test("a page that continues nothing that is held is dropped: the reader has gone elsewhere", () => {
  const held = thread(90, 100);
  assert.equal(addPage(held, stretch(51, 60)), held);
  assert.equal(addPage(emptyThread, stretch(1, 5)), emptyThread);
  const excerpted = showStretch(held, stretch(50, 60));
  for (const page of [stretch(40, 48), stretch(62, 70)]) assert.equal(addPage(excerpted, page), excerpted);
});

test("what is held is newer than what a page says, since events have changed it", () => {
  const edited = { ...message(90), text: "edited" };
  const held = { ...thread(91, 100), messages: [edited, ...stretch(91, 100).messages] };
  assert.equal(addPage(held, stretch(80, 90)).messages[10]?.text, "edited");
});

test("an empty excerpt shows the latest messages", () => {
  assert.equal(showStretch(thread(90, 100), stretch(5, 4)).excerpt, undefined);
});

type Step = { kind: "live" | "older" | "newer" | "latest" | "late" } | { kind: "jump"; to: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("live", "older", "newer", "latest", "late") }),
  fc.record({ kind: fc.constant("jump" as const), to: fc.nat() }),
);

test("whatever is loaded, what is shown has no hole and nothing twice, and no news is lost", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let last = 200;
      let now = thread(191, 200);
      // A page that was asked for before the last steps, and comes now.
      let onItsWay: Stretch = stretch(181, 190);
      for (const taken of steps) {
        const shown = nosOf(shownOf(now));
        const [first, end] = [shown[0]!, shown.at(-1)!];
        const older = stretch(Math.max(1, first - 10), first - 1);
        if (taken.kind === "live") {
          const state = { ...initialState, threads: new Map([["c", now]]) };
          now = addMessage(state, message(++last)).threads.get("c")!;
        } else if (taken.kind === "older") now = addPage(now, older);
        else if (taken.kind === "newer") now = addPage(now, stretch(end + 1, Math.min(last, end + 10)));
        else if (taken.kind === "latest") now = showLatest(now);
        else if (taken.kind === "late") now = addPage(now, onItsWay);
        else if (taken.kind === "jump") {
          const no = (taken.to % last) + 1;
          const around = stretch(Math.max(1, no - 5), Math.min(last, no + 5));
          if (!holds(shownOf(now), no)) now = showStretch(now, around);
          assert.ok(holds(shownOf(now), no));
        }
        onItsWay = older;
        for (const held of [now, shownOf(now)]) {
          const nos = nosOf(held);
          assert.deepEqual(nos, upTo(nos[0]!, nos.at(-1)!));
          assert.equal(held.hasOlder, nos[0]! > 1);
        }
        assert.equal(now.messages.at(-1)?.no, last);
        assert.ok(!now.excerpt || now.excerpt.messages.at(-1)!.no < now.messages[0]!.no - 1);
      }
    }),
  );
});
