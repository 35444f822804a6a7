import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { CreateChatRequestSchema } from "@parley/api/v2/messenger";
import { createValidate } from "#gateway/validation.ts";
import { toPublicError } from "#platform/errors.ts";

const validate = createValidate();

function violationsOf(memberIds: string[]) {
  const request = create(CreateChatRequestSchema, { kind: "group", memberIds });
  try {
    validate(CreateChatRequestSchema, request);
  } catch (error) {
    assert.equal(toPublicError(error).code, "invalid-input");
    return toPublicError(error).violations;
  }
  return assert.fail("it was not refused");
}

test("names every field that is wrong", () => {
  const fields = violationsOf(["x", "y"]).map(({ field }) => field);
  assert.deepEqual(fields, ["memberIds[0]", "memberIds[1]"]);
});

test("stops at the first mistake of a list far beyond its bound, instead of checking every item", () => {
  assert.equal(violationsOf(Array(340_000).fill("")).length, 1);
});
