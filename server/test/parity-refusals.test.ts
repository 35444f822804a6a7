/** Bad input and foreign things are refused alike over every transport, and leave nothing behind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MessengerService } from "@parley/api/v2/messenger";
import { result, startParity } from "#test/parity-fixture.ts";
import { refusals } from "#test/parity-refusals.ts";

const parity = await startParity();
const { callers, ada, chatId } = parity;
const m = MessengerService.method;

for (const { why, method, params, code, fields, token = ada.token } of refusals(parity)) {
  test(`${why}: ${code} over every transport, and nothing is written`, async () => {
    const before = await result(callers[0]!, m.listEvents, { chatId }, ada.token);
    for (const caller of callers) {
      const answer = await caller.call(method, params, token);
      if (answer === undefined && !caller.sendsAnyJson) continue;
      assert.equal(answer?.error?.code, code, `${caller.name}: ${JSON.stringify(answer)?.slice(0, 300)}`);
      if (fields) assert.deepEqual(answer.error.fields, fields, caller.name);
    }
    const after = await result(callers[0]!, m.listEvents, { chatId }, ada.token);
    assert.deepEqual(after, before);
  });
}

test("a huge cursor is the end", async () => {
  for (const caller of callers) {
    const page = await result(caller, m.listMessages, { chatId, after: 4_294_967_295 }, ada.token);
    assert.deepEqual(page.messages, [], caller.name);
  }
});

test("a million-element array is refused by its size", async () => {
  const params = { kind: "group", memberIds: Array.from({ length: 1_000_000 }, () => "x") };
  for (const caller of callers) {
    const answer = await caller.call(m.createChat, params, ada.token);
    assert.equal(answer?.error?.code, caller.name === "WebSocket" ? "closed" : "too-large", caller.name);
  }
});
