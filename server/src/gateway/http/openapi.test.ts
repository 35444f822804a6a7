import assert from "node:assert/strict";
import { test } from "node:test";
import openApi from "@parley/api/openapi.json" with { type: "json" };
import { Validator } from "@seriousme/openapi-schema-validator";
import { isPublic } from "#gateway/access.ts";
import { publicServices } from "#gateway/public-services.ts";
import { restRoutes } from "#gateway/rest/http-rules.ts";
import { errorKinds } from "#platform/errors.ts";

// biome-ignore lint/suspicious/noExplicitAny: a document of many shapes
const document = openApi as any;

test("the description is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document));
  assert.deepEqual(result.errors ?? [], []);
  assert.equal(validator.version, "3.1");
});

/** Not of the contract, but served all the same: bytes. */
const byteRoutes = [
  ...["PUT", "GET", "HEAD", "DELETE"].map((method) => `${method} /v2/blobs/{key}`),
  "POST /v2/uploads",
  ...["HEAD", "PATCH", "DELETE"].map((method) => `${method} /v2/uploads/{uploadId}`),
  ...["", "/thumbnail"].flatMap((suffix) =>
    ["GET", "HEAD"].map(
      (method) => `${method} /v2/chats/{chatId}/messages/{messageId}/attachments/{attachmentId}${suffix}`,
    ),
  ),
];

test("it describes every route of the contract, and those for bytes, and no other", () => {
  const described = Object.entries<object>(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const served = restRoutes(publicServices).map(({ httpMethod, segments }) => {
    const parts = segments.map((s) =>
      typeof s === "string" ? s : `{${s.map((f) => f.jsonName).join(".")}}`,
    );
    return `${httpMethod} /${parts.join("/")}`;
  });
  assert.deepEqual(described.sort(), [...served, ...byteRoutes].sort());
});

test("operations that are not public need a token, and operation ids are unique", () => {
  const ids = new Set<string>();
  for (const { method } of restRoutes(publicServices)) {
    const operations = Object.values<object>(document.paths).flatMap((item) => Object.values(item));
    const operation = operations.find((one) => one.operationId === method.localName);
    assert.ok(operation, method.name);
    assert.equal(operation.security.length === 0, isPublic(method), method.name);
    ids.add(operation.operationId);
  }
  assert.equal(ids.size, restRoutes(publicServices).length);
});

test("deferrable operations take their headers, and may be answered 202", () => {
  const { parameters, responses } = document.paths["/v2/process"].post;
  assert.deepEqual(
    parameters.map((one: { in: string; name: string }) => [one.in, one.name]),
    [
      ["header", "Idempotency-Key"],
      ["header", "Prefer"],
    ],
  );
  assert.deepEqual(Object.keys(responses["202"].headers), ["Location", "Retry-After", "Preference-Applied"]);
  assert.deepEqual(responses["202"].content, responses["200"].content);
  assert.equal(document.paths["/v2/auth/sign-up"].post.responses["202"], undefined);
});

test("its error codes are those of the registry", () => {
  assert.deepEqual(document.components.schemas.Problem.properties.code.enum, Object.keys(errorKinds));
});

test("rules and comments of the contract are in it", () => {
  const { requestBody, summary } = document.paths["/v2/auth/sign-up"].post;
  const { properties, required } = requestBody.content["application/json"].schema;
  assert.equal(summary, "Creates an account.");
  assert.deepEqual(required, ["email", "password", "name"]);
  assert.deepEqual([properties.email.format, properties.email.maxLength], ["email", 254]);
  assert.match(properties.password.description, /256 bytes/);
  const { message } = document.components.schemas.SendMessageResponse.properties;
  assert.equal(message.$ref, "#/components/schemas/Message");
  assert.match(document.info.description, /RealtimeService\/Resume/);
});
