import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "@bufbuild/protobuf";
import { EventSchema } from "@parley/api/v2/event";
import { CreateChatRequestSchema } from "@parley/api/v2/messenger";
import { ResumeRequestSchema } from "@parley/api/v2/realtime";
import { decodeJson } from "#gateway/json/json-decoder.ts";
import { toPublicError } from "#platform/errors.ts";

function refused(schema: Parameters<typeof decodeJson>[0], json: JsonValue) {
  try {
    decodeJson(schema, json);
  } catch (error) {
    const { code, violations } = toPublicError(error);
    assert.equal(code, "invalid-input");
    return violations.map(({ field, message }) => `${field}: ${message}`);
  }
  return assert.fail("it was read");
}

test("names fields inside of messages, lists and maps", () => {
  const event = { message: { no: "x", reactions: [{ emoji: "a" }, { emoji: 1 }], createdAt: "yesterday" } };
  assert.deepEqual(refused(EventSchema, event), [
    "message.no: must be a whole number from 0 to 4294967295",
    "message.reactions[1].emoji: must be a string of valid Unicode",
    "message.createdAt: must be a time as in RFC 3339",
  ]);
  assert.deepEqual(refused(ResumeRequestSchema, { positions: { a: 1, b: -1, "": null } }), [
    'positions["b"]: must be a whole number from 0 to 4294967295',
    'positions[""]: must be a whole number from 0 to 4294967295',
  ]);
  assert.deepEqual(refused(ResumeRequestSchema, { positions: [] }), ["positions: must be an object"]);
  assert.deepEqual(refused(EventSchema, { message: [] }), ["message: must be an object"]);
  assert.deepEqual(refused(CreateChatRequestSchema, { memberIds: "x" }), ["memberIds: must be an array"]);
  assert.deepEqual(refused(CreateChatRequestSchema, "x"), [": must be an object"]);
});

test("names a field by its JSON name, and tells when it is given under both names", () => {
  assert.deepEqual(refused(CreateChatRequestSchema, { member_ids: [1] }), [
    "memberIds[0]: must be a string of valid Unicode",
  ]);
  assert.deepEqual(refused(CreateChatRequestSchema, { member_ids: [], memberIds: [] }), [
    "memberIds: is given twice",
  ]);
});

test("takes null for an absent field, but not inside of a list", () => {
  assert.equal(decodeJson(CreateChatRequestSchema, { title: null }).title, "");
  assert.match(refused(CreateChatRequestSchema, { memberIds: [null] })[0]!, /^memberIds\[0\]: /);
});

test("says so much about a hostile request and no more", () => {
  const wrong = Array.from({ length: 200_000 }, () => 1);
  assert.equal(refused(CreateChatRequestSchema, { memberIds: wrong }).length, 20);
  const late = (good: number) =>
    refused(CreateChatRequestSchema, { memberIds: [...Array.from({ length: good }, () => "x"), 1] });
  assert.deepEqual(late(999), ["memberIds[999]: must be a string of valid Unicode"]);
  // An item that is not named was not looked at either.
  for (const good of [1_000, 200_000]) {
    assert.deepEqual(late(good), ["memberIds: has an item that is not valid"]);
  }
  const [longKey] = refused(CreateChatRequestSchema, { ["x".repeat(100_000)]: 1 });
  assert.ok(longKey!.length < 100);
});
