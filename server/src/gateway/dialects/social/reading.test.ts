import assert from "node:assert/strict";
import { it } from "node:test";
import { bareToken } from "#gateway/dialects/social/bare-token.ts";
import { isBirthday } from "#gateway/dialects/social/birthday.ts";
import { readPage } from "#gateway/dialects/social/page.ts";
import { toPublicError } from "#platform/errors.ts";

const codeOf = (work: () => unknown) => {
  try {
    return work();
  } catch (error) {
    return toPublicError(error).code;
  }
};

it("a token stands by itself, or after Bearer", () => {
  assert.equal(bareToken(undefined), undefined);
  assert.equal(bareToken(""), undefined);
  assert.equal(bareToken("  "), undefined);
  assert.equal(bareToken("a.b.c"), "a.b.c");
  assert.equal(bareToken(" a.b.c "), "a.b.c");
  assert.equal(bareToken("Bearer a.b.c"), "a.b.c");
  assert.equal(bareToken("bearer  a.b.c"), "a.b.c");
  for (const other of ["Basic YTpi", "session_id 0123", "Bearer a b", "a b"]) {
    assert.equal(
      codeOf(() => bareToken(other)),
      "unauthenticated",
    );
  }
});

it("a birthday is a date or a time", () => {
  for (const text of [
    "1994-04-10",
    "1994-04-10T20:21:25+00:00",
    "1994-04-10T20:21:25Z",
    "1994-04-10 20:21:25.123456789-07:00",
    "2024-02-29",
  ]) {
    assert.equal(isBirthday(text), true, text);
  }
  for (const text of [
    "1994-02-30",
    "2023-02-29",
    "1994-13-01",
    "10.04.1994",
    "1994-04-10T20:21:25",
    "766009285",
    "yesterday",
  ]) {
    assert.equal(isBirthday(text), false, text);
  }
});

it("a page is no larger than there is, and begins where it is told", () => {
  const page = (query: string) => codeOf(() => readPage(new URLSearchParams(query), 200));
  assert.deepEqual(page(""), { limit: 50, offset: 0 });
  assert.deepEqual(page("limit=&offset="), { limit: 50, offset: 0 });
  assert.deepEqual(page("limit=3&offset=7"), { limit: 3, offset: 7 });
  assert.deepEqual(page("limit=100000"), { limit: 200, offset: 0 });
  for (const query of [
    "limit=0",
    "limit=-1",
    "offset=-1",
    "limit=ten",
    "offset=1.5",
    "limit=1e2",
    "offset=9999999999",
  ]) {
    assert.equal(page(query), "invalid-input", query);
  }
});
