import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChatFeed } from "#gateway/realtime/chat-feed.ts";
import { planResume } from "#gateway/realtime/resume-plan.ts";

const limits = { PARLEY_RESUME_MAX_EVENTS: 10, PARLEY_RESUME_MAX_TOTAL_EVENTS: 10 };

/** The user was a member at seq 7; the feed knows of one event more. */
function plan(position: number) {
  const feed = { chatId: "chat", knownSeq: 8 } as ChatFeed;
  const [chat] = planResume([{ feed, seq: 7 }], { chat: position }, limits);
  return { from: chat?.from, isRecovered: chat?.isRecovered };
}

describe("planResume", () => {
  it("goes on where the client stands", () => {
    assert.deepEqual(plan(3), { from: 3, isRecovered: true });
    assert.deepEqual(plan(7), { from: 7, isRecovered: true });
  });

  it("does not begin after an event that may have removed the user", () => {
    assert.deepEqual(plan(8), { from: 7, isRecovered: false });
    assert.deepEqual(plan(9), { from: 7, isRecovered: false });
  });
});
