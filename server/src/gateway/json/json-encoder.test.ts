import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMessage, toJson } from "@bufbuild/protobuf";
import { StructSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { file_google_api_http } from "@parley/api/google/api/http";
import { file_parley_internal_v1_bus } from "@parley/api/internal/bus";
import { file_parley_internal_v1_identity } from "@parley/api/internal/identity";
import { file_parley_internal_v1_messenger } from "@parley/api/internal/messenger";
import { file_parley_v2_auth } from "@parley/api/v2/auth";
import { file_parley_v2_errors } from "@parley/api/v2/errors";
import { file_parley_v2_event } from "@parley/api/v2/event";
import { file_parley_v2_messenger } from "@parley/api/v2/messenger";
import { file_parley_v2_process } from "@parley/api/v2/process";
import { file_parley_v2_realtime } from "@parley/api/v2/realtime";
import { file_parley_v2_search } from "@parley/api/v2/search";
import { file_parley_v2_user } from "@parley/api/v2/user";
import fc from "fast-check";
import { encodeJson } from "#gateway/json/json-encoder.ts";
import { arbitraryMessage } from "#test/arbitrary-message.ts";

const contract = [
  file_parley_v2_auth,
  file_parley_v2_errors,
  file_parley_v2_event,
  file_parley_v2_messenger,
  file_parley_v2_realtime,
  file_parley_v2_process,
  file_parley_v2_search,
  file_parley_v2_user,
  file_parley_internal_v1_bus,
  file_parley_internal_v1_identity,
  file_parley_internal_v1_messenger,
];

function byLibrary(schema: DescMessage, message: never): string {
  return JSON.stringify(toJson(schema, message, { alwaysEmitImplicit: true }));
}

for (const schema of contract.flatMap((file) => file.messages)) {
  test(`writes any ${schema.name} as toJson does`, () => {
    fc.assert(
      fc.property(arbitraryMessage(schema), (message) => {
        assert.equal(encodeJson(schema, message), byLibrary(schema, message as never));
      }),
      { numRuns: 50 },
    );
  });
}

test("times of all eras and precisions are written as toJson does", () => {
  fc.assert(
    fc.property(arbitraryMessage(TimestampSchema), (message) => {
      assert.equal(
        encodeJson(TimestampSchema, message as never),
        byLibrary(TimestampSchema, message as never),
      );
    }),
    { numRuns: 2_000 },
  );
});

test("oneofs, and types that contain themselves, are written as toJson does", () => {
  const [, rule] = file_google_api_http.messages;
  const inner = { selector: "inner", pattern: { case: "custom", value: { kind: "HEAD", path: "/x" } } };
  const message = create(rule!, {
    selector: "outer",
    pattern: { case: "get", value: "/y" },
    additionalBindings: [inner],
  } as never);
  assert.equal(encodeJson(rule!, message), byLibrary(rule!, message as never));
});

test("types that it does not know are left to toJson", () => {
  const message = create(StructSchema, { fields: { a: { kind: { case: "numberValue", value: 1.5 } } } });
  assert.equal(encodeJson(StructSchema, message), '{"a":1.5}');
});

test("a time out of range is refused, as by toJson", () => {
  const message = create(TimestampSchema, { seconds: 1n, nanos: -1 });
  assert.throws(() => encodeJson(TimestampSchema, message), /nanos/);
});
