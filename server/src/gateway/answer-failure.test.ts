import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { MessengerInternalService, SendMessagesResponseSchema } from "@parley/api/internal/messenger";
import { MessageSchema } from "@parley/api/v2/event";
import { answerFailure } from "#gateway/answer-failure.ts";

const { sendMessages, listPositions } = MessengerInternalService.method;

/** Of a batch of sends with these error codes; "" is a send that was stored. */
function failureOf(...errorCodes: string[]) {
  const outcomes = errorCodes.map((errorCode) =>
    errorCode === "" ? { message: create(MessageSchema) } : { errorCode },
  );
  return answerFailure(sendMessages, create(SendMessagesResponseSchema, { outcomes }));
}

test("a batch of sends of which none was stored, for the service's own reasons, is a failure", () => {
  assert.equal(failureOf("unavailable"), "unavailable");
  assert.equal(failureOf("chat-not-found", "timeout", "internal"), "timeout");
});

test("a batch of which one was stored is none: one that is poison must not stop the others", () => {
  assert.equal(failureOf("internal", "", "internal"), undefined);
});

test("refused sends are no failure", () => {
  for (const code of ["chat-not-found", "invalid-input", "overloaded", "what nobody knows"]) {
    assert.equal(failureOf(code, code), undefined, code);
  }
});

test("other answers tell of no failure", () => {
  assert.equal(answerFailure(listPositions, create(listPositions.output)), undefined);
});
