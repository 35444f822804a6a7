import assert from "node:assert/strict";
import { test } from "node:test";
import { readCliOptions, UsageError } from "./cli-options.ts";

const known = ["messages", "room"];
const now = new Date("2026-11-21T12:00:00.000Z");
const read = (...args: string[]) => readCliOptions(args, known, now);

test("without arguments everything runs", () => {
  assert.deepEqual(read(), {
    mode: "run",
    names: known,
    windowMs: 2_000,
    messages: 1_000_000,
    jsonPath: "bench/results/2026-11-21T12-00-00-000Z.local.json",
    profile: false,
  });
});

test("cases, length and file are as asked for", () => {
  const options = read("room", "--seconds", "1.5", "--json", "out.json", "--profile");
  assert.deepEqual(options, {
    mode: "run",
    names: ["room"],
    windowMs: 1_500,
    messages: 1_000_000,
    jsonPath: "out.json",
    profile: true,
  });
  assert.equal(read("--list").mode, "list");
  assert.equal(read("-h").mode, "help");
});

test("what makes no sense is refused by name", () => {
  assert.throws(() => read("rooms"), UsageError);
  assert.throws(() => read("--seconds", "soon"), UsageError);
  assert.throws(() => read("--seconds", "0"), UsageError);
  assert.throws(() => read("--fast"), UsageError);
});
