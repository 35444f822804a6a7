import assert from "node:assert/strict";
import { test } from "node:test";
import { createQuestions, questionKinds } from "./questions.ts";
import { createTextSource } from "./vocabulary.ts";

const source = createTextSource(1);
const messages = Array.from({ length: 2_000 }, source);

test("every kind of question can be asked of generated messages, and the same seed asks the same", () => {
  for (const kind of questionKinds) {
    const questions = createQuestions(kind, { messages, count: 20, seed: 3 });
    assert.ok(questions.length >= 5, kind.name);
    assert.deepEqual(createQuestions(kind, { messages, count: 20, seed: 3 }), questions);
  }
});

test("words come by Zipf's law: a few in most messages, most in few", () => {
  const counts = new Map<string, number>();
  for (const { words } of messages) {
    for (const word of new Set(words.map(({ text }) => text))) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const sorted = [...counts.values()].sort((a, b) => b - a);
  assert.ok(sorted[0]! > messages.length / 10, `the most frequent one: ${sorted[0]}`);
  assert.ok(sorted.filter((count) => count === 1).length > sorted.length / 2);
});

test("words need no escaping in JSON", () => {
  for (const { text } of messages) assert.equal(JSON.stringify(text), `"${text}"`);
});
