import assert from "node:assert/strict";
import { test } from "node:test";
import { nameIn } from "./app-state.ts";

test("somebody is called in a chat as they have said there, else by their name", () => {
  const users = new Map([["bob", { id: "bob", name: "Bob", email: "" }]]) as Parameters<typeof nameIn>[1];
  const member = (displayName?: string) => [
    { userId: "bob", role: "member", readNo: 0, ...(displayName === undefined ? {} : { displayName }) },
  ];
  assert.equal(nameIn(member("Bobby"), users, "bob"), "Bobby");
  assert.equal(nameIn(member(""), users, "bob"), "Bob");
  assert.equal(nameIn(member(), users, "bob"), "Bob");
  assert.equal(nameIn([], users, "bob"), "Bob");
  assert.equal(nameIn([], users, "anna"), undefined);
});
