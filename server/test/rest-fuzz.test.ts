/** Whatever JSON is sent to whatever route: never a 5xx, never anything internal in the answer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { MessengerService } from "@parley/api/v2/messenger";
import fc from "fast-check";
import { publicServices } from "#gateway/public-services.ts";
import { type RestRoute, restRoutes } from "#gateway/rest/http-rules.ts";
import { errorKinds } from "#platform/errors.ts";
import { parityCallers } from "#test/parity-callers.ts";
import { startParley } from "#test/parley.ts";
import { createAccount, signIn } from "#test/people.ts";

const parley = await startParley({ PARLEY_THROTTLING: "off" });
const account = await createAccount(parley.url, "Fuzz");
const other = await createAccount(parley.url, "Other");
const [rest] = parityCallers(parley);
const { createChat, sendMessage } = MessengerService.method;

/** Ids of what exists; made anew for each test, as requests may well succeed. */
let existing: string[] = [];

async function makeSomething(token: string) {
  const members = { kind: "group", title: "Fuzz", memberIds: [other.id] };
  const chatId: string = (await rest!.call(createChat, members, token))!.result.chat.id;
  const sent = await rest!.call(sendMessage, { chatId, text: "known" }, token);
  existing = [chatId, account.id, other.id, sent!.result.message.id];
}

/** Values that mean something here, so that not all requests end at the first check. */
const known = fc.oneof(
  { weight: 3, arbitrary: fc.nat(3).map((index) => existing[index]!) },
  fc.constantFrom("group", "member", "👍"),
);
const nasty = fc.constantFrom(
  "",
  "\0",
  "\ud800",
  "../..",
  "%00",
  "'; DROP TABLE x; --",
  "x".repeat(20_000),
  "__proto__",
);
const numbers = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -1, 2 ** 31, 2 ** 32, 1e300));
const scalar = fc.oneof(
  known,
  nasty,
  fc.string({ unit: "binary" }),
  numbers,
  fc.boolean(),
  fc.constant(null),
);

function likelyValue(field: DescField): fc.Arbitrary<unknown> {
  const one = field.scalar === ScalarType.STRING ? fc.oneof({ weight: 3, arbitrary: known }, scalar) : scalar;
  const value = field.fieldKind === "list" ? fc.array(one, { maxLength: 5 }) : one;
  return fc.oneof({ weight: 4, arbitrary: value }, fc.jsonValue({ maxDepth: 4 }));
}

/** Objects with the right names and more or less right values, and any JSON at all. */
function body(message: DescMessage): fc.Arbitrary<string> {
  const fields = Object.fromEntries(message.fields.map((field) => [field.jsonName, likelyValue(field)]));
  const likely = fc.record(fields, { requiredKeys: [] }).map((value) => JSON.stringify(value));
  const anything = fc.oneof(
    fc.json(),
    fc.string(),
    fc.jsonValue().map((value) => JSON.stringify({ x: value })),
  );
  return fc.oneof({ weight: 5, arbitrary: likely }, { weight: 1, arbitrary: anything });
}

function path(route: RestRoute): fc.Arbitrary<string> {
  const segment = fc.oneof(
    { weight: 3, arbitrary: known },
    nasty.map((s) => s.slice(0, 2_000)),
    fc.string({ minLength: 1 }),
  );
  const encode = (text: string) => encodeURIComponent(text.toWellFormed()) || "-";
  const parts = route.segments.map((s) => (typeof s === "string" ? fc.constant(s) : segment.map(encode)));
  const names = route.method.input.fields.map((field) => field.jsonName);
  const query = fc.array(fc.tuple(fc.oneof(fc.constantFrom(...names, "x"), fc.string()), scalar), {
    maxLength: 4,
  });
  return fc.tuple(fc.tuple(...parts), query).map(([segments, parameters]) => {
    const pairs = parameters.map(([name, value]) => `${encode(name)}=${encode(String(value))}`);
    return `/${segments.join("/")}${route.body === "all" ? "" : `?${pairs.join("&")}`}`;
  });
}

for (const route of restRoutes(publicServices)) {
  test(`${route.httpMethod} ${route.template} never fails on its own account`, async () => {
    const { token } = await signIn(parley.url, account.email);
    await makeSomething(token);
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(path(route), body(route.method.input), async (target, json) => {
        const hasBody = route.httpMethod !== "GET" && route.body !== undefined;
        const response = await fetch(parley.url + target, {
          method: route.httpMethod,
          headers: {
            authorization: `Bearer ${token}`,
            ...(hasBody ? { "content-type": "application/json" } : {}),
          },
          ...(hasBody ? { body: json } : {}),
        });
        const answer = await response.text();
        statuses.add(response.status);
        assert.ok(response.status < 500, `${response.status} ${answer}`);
        if (response.ok) return;
        assert.ok(JSON.parse(answer).code in errorKinds, answer);
        assert.doesNotMatch(answer, /\.[jt]s:\d|node_modules|pg_|relation "/);
      }),
      { numRuns: 60 },
    );
    assert.notDeepEqual([...statuses], [401], "all that was tried is signing in");
  });
}

const headerNames = [
  "if-match",
  "if-none-match",
  "if-range",
  "range",
  "content-digest",
  "repr-digest",
  "content-type",
  "content-encoding",
  "content-range",
  "parley-meta-x",
  "tus-resumable",
  "upload-length",
  "upload-offset",
  "upload-metadata",
  "upload-defer-length",
];
const headerValues = fc.oneof(
  fc.constantFrom("*", '"x"', 'W/"x", "y"', "bytes=0-1,5-", "bytes=-0", "sha-256=:YQ==:", "1.0.0", "0", "-1"),
  fc.constantFrom(
    "key a2V5",
    "key",
    "application/offset+octet-stream",
    "gzip",
    "Sun, 06 Nov 1994 08:49:37 GMT",
  ),
  fc.string({ unit: "grapheme-ascii", maxLength: 40 }),
);
const byteTargets = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("/v2/blobs/", "/v2/uploads/"),
      fc.oneof(known, nasty, fc.string({ unit: "binary" })),
    )
    .map(([prefix, text]) => prefix + encodeURIComponent(text.slice(0, 2_000).toWellFormed())),
  fc.tuple(known, known, known).map((ids) => {
    const [chatId, messageId, attachmentId] = ids.map(encodeURIComponent);
    return `/v2/chats/${chatId}/messages/${messageId}/attachments/${attachmentId}`;
  }),
  fc.constantFrom("/v2/uploads", "/v2/blobs/a//b", "/v2/blobs/%", "/v2/blobs/x?download", "/v2/blobs/?x"),
);

const examples: [string, string][] = [
  ["PUT", "/v2/blobs/some"],
  ["DELETE", "/v2/blobs/some"],
  ["GET", "/v2/blobs/none"],
  ["GET", "/v2/blobs/%"],
];

test("the routes for bytes never fail on their own account", async () => {
  const { token } = await signIn(parley.url, account.email);
  await makeSomething(token);
  const statuses = new Set<number>();
  const methods = fc.constantFrom("PUT", "GET", "HEAD", "DELETE", "POST", "PATCH", "OPTIONS");
  const headersOf = fc.dictionary(fc.constantFrom(...headerNames), headerValues, { maxKeys: 4 });
  await fc.assert(
    fc.asyncProperty(methods, byteTargets, headersOf, async (method, target, given) => {
      const hasBody = ["PUT", "POST", "PATCH"].includes(method);
      const response = await fetch(parley.url + target, {
        method,
        headers: { ...given, authorization: `Bearer ${token}` },
        ...(hasBody ? { body: "some bytes" } : {}),
      });
      const answer = await response.text();
      statuses.add(response.status);
      assert.ok(response.status < 500, `${response.status} ${answer}`);
      if (response.status < 400 || method === "HEAD") return;
      assert.ok(JSON.parse(answer).code in errorKinds, answer);
      assert.doesNotMatch(answer, /\.[jt]s:\d|node_modules|pg_|relation "/);
    }),
    // At least once each: what is right, and what is not there.
    { numRuns: 400, examples: examples.map(([method, target]) => [method, target, {}]) },
  );
  for (const status of [201, 204, 400, 404]) assert.ok(statuses.has(status), String(status));
});
