import { strict as assert } from "node:assert";
import { test } from "node:test";
import { parseLogin } from "#identity/login-name.ts";

const key = (text: string) => parseLogin(text).loginName?.key;

test("spellings of one login name have one key", () => {
  for (const text of ["some user", " Some User ", "SOME USER"]) assert.equal(key(text), "some user");
  assert.equal(key("Žofie"), key("ŽOFIE".normalize("NFD")));
  assert.notEqual(key("some  user"), key("some user"));
});

test("what is an address is one, and no login name", () => {
  assert.deepEqual(parseLogin(" Ada@Example.com "), {
    email: { given: "Ada@Example.com", key: "ada@example.com" },
  });
  for (const text of ["ada@", "@example.com", "a da@example.com", "a@b@c"]) {
    assert.ok(key(text), text);
    assert.equal(parseLogin(text).email, undefined);
  }
});

test("some texts are nobody's login", () => {
  const unfit = [
    "",
    "  ",
    "a\0b",
    "a\nb",
    "\u202eabc",
    "\ud800",
    "\u200b",
    "x".repeat(101),
    "😀".repeat(101),
  ];
  for (const text of unfit) assert.deepEqual(parseLogin(text), {}, JSON.stringify(text));
  assert.ok(key("😀".repeat(100)));
});
