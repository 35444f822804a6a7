import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { type ParleyClient, ParleyError, type SearchHit, type SearchResults } from "@parley/client";
import { initialState } from "./app-state.ts";
import { createSearch } from "./search.ts";
import { isEnough } from "./search-state.ts";
import { createStore } from "./store.ts";

interface Asked {
  q: string;
  signal: AbortSignal;
  answer(results: Partial<SearchResults>): void;
  fail(error: unknown): void;
}

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

const hit = (id: string) => ({ message: { id, chatId: "c", senderId: "a" }, fragments: [], score: 1 });
const hits = (...ids: string[]) => ids.map(hit) as unknown as SearchHit[];

function createRig(given: Partial<ParleyClient> = {}) {
  const asked: Asked[] = [];
  const listeners = new Map<string, (value: never) => void>();
  const parley = {
    on: (name: string, listener: (value: never) => void) => listeners.set(name, listener),
    search: (q: string, { signal }: { signal: AbortSignal }) =>
      new Promise<SearchResults>((resolve, reject) => {
        const answer = (results: Partial<SearchResults>) => resolve({ hits: [], partial: false, ...results });
        signal.addEventListener("abort", () => reject(signal.reason));
        asked.push({ q, signal, answer, fail: reject });
      }),
    ...given,
  } as unknown as ParleyClient;
  const store = createStore(initialState);
  const search = createSearch({ parley, store, meet() {} });
  const now = () => store.get().search;
  const idsNow = () => now().hits.map(({ message }) => message.id);
  return {
    asked,
    search,
    now,
    idsNow,
    tell: (name: string, value: unknown) => listeners.get(name)?.(value as never),
  };
}

const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

test("asks after a pause, and for the last text only", async () => {
  const { asked, search, now, idsNow } = createRig();
  for (const text of ["no", "not", " note"]) {
    search.setText(text);
    mock.timers.tick(199);
  }
  assert.equal(asked.length, 0);
  mock.timers.tick(1);
  assert.deepEqual(
    asked.map(({ q }) => q),
    ["note"],
  );
  assert.equal(now().status, "searching");
  asked[0]!.answer({ hits: hits("m1"), partial: true });
  await settle();
  assert.deepEqual([now().status, now().partial, idsNow()], ["found", true, ["m1"]]);
});

test("an answer for a text that is not there any more is given up, and never shown", async () => {
  const { asked, search, now, idsNow } = createRig();
  search.setText("note");
  mock.timers.tick(200);
  search.setText("notes");
  assert.ok(asked[0]!.signal.aborted);
  asked[0]!.answer({ hits: hits("stale") });
  await settle();
  assert.deepEqual([now().status, idsNow()], ["searching", []]);
  mock.timers.tick(200);
  asked[1]!.answer({ hits: hits("fresh") });
  await settle();
  assert.deepEqual(idsNow(), ["fresh"]);
  search.setText("");
  assert.deepEqual([now().status, idsNow()], ["empty", []]);
  search.setText("note");
  search.close();
  mock.timers.tick(1000);
  assert.equal(asked.length, 2);
});

test("a refusal says in the server's words what is wrong, a failure can be tried again", async () => {
  const { asked, search, now, idsNow } = createRig();
  search.setText("before:soon");
  mock.timers.tick(200);
  const violations = [{ field: "q", message: "must have more" }];
  asked[0]!.fail(new ParleyError("invalid-input", { violations }));
  await settle();
  assert.deepEqual([now().status, now().problem], ["refused", "Your search must have more."]);
  search.setText("note");
  mock.timers.tick(200);
  asked[1]!.fail(new ParleyError("network"));
  await settle();
  assert.equal(now().status, "failed");
  search.retry();
  asked[2]!.answer({ hits: hits("m1") });
  await settle();
  assert.deepEqual([now().status, now().problem, idsNow()], ["found", undefined, ["m1"]]);
});

test("no hit shows a text that was deleted or edited since", async () => {
  const { asked, search, now, idsNow, tell } = createRig();
  search.setText("note");
  mock.timers.tick(200);
  asked[0]!.answer({ hits: hits("m1", "m2") });
  await settle();
  tell("delete", { id: "m1" });
  assert.deepEqual(idsNow(), ["m2"]);
  tell("edit", { id: "m2", text: "corrected" });
  assert.deepEqual([now().hits[0]?.message.text, now().hits[0]?.fragments], ["corrected", []]);
});

test("everything: awaited, read page by page, and begun anew where the results were lost", async () => {
  const deleted: string[] = [];
  const lost = new ParleyError("search-task-not-done");
  const pages: (object | Error)[] = [
    { hits: hits("m3"), nextCursor: "1" },
    lost,
    { hits: hits("m4", "m3"), nextCursor: "2" },
    { hits: [], nextCursor: "3" },
    { hits: hits("m3", "m2") },
  ];
  const cursors: unknown[] = [];
  const { asked, search, now, idsNow } = createRig({
    searchTasks: {
      wait: async (_id: string, { onProgress }: never) => {
        const task = { id: "t", query: "note", status: "done", resultCount: 3, partial: false };
        (onProgress as (task: object) => void)(task);
        return task;
      },
      create: async () => ({ id: "t", status: "waiting" }),
      delete: async (id: string) => void deleted.push(id),
      results: async (_id: string, { cursor }: { cursor?: string }) => {
        cursors.push(cursor);
        const page = pages.shift()!;
        if (page instanceof Error) throw page;
        return page;
      },
    } as never,
  });
  search.setText("note");
  search.searchEverything();
  assert.equal(now().everything, undefined, "not before there is something to go beyond");
  mock.timers.tick(200);
  asked[0]!.answer({ hits: hits("m2") });
  await settle();
  search.searchEverything();
  await settle();
  assert.deepEqual([now().everything?.status, now().everything?.hasMore, idsNow()], ["done", true, ["m3"]]);
  search.showMore();
  search.showMore();
  await settle();
  assert.deepEqual(idsNow(), ["m3", "m4"]);
  search.showMore();
  await settle();
  assert.deepEqual(idsNow(), ["m3", "m4", "m2"]);
  assert.equal(now().everything?.hasMore, false);
  assert.deepEqual(cursors, [undefined, "1", undefined, "2", "3"]);
  search.close();
  assert.deepEqual(deleted, [], "what is done is forgotten by itself");
});

test("a task that nobody waits for any more is given up, also when it is only just being created", async () => {
  const deleted: string[] = [];
  let created = (_task: object) => {};
  const { asked, search } = createRig({
    searchTasks: {
      wait: () => new Promise(() => {}),
      create: () => new Promise((resolve) => (created = resolve)),
      delete: async (id: string) => void deleted.push(id),
    } as never,
  });
  for (const when of ["before it is created", "while it runs"]) {
    search.setText(`note ${when}`);
    mock.timers.tick(200);
    asked.at(-1)!.answer({ hits: hits("m1") });
    await settle();
    search.searchEverything();
    if (when === "while it runs") created({ id: when });
    await settle();
    search.close();
    if (when !== "while it runs") created({ id: when });
    await settle();
  }
  assert.deepEqual(deleted, ["before it is created", "while it runs"]);
});

test("two letters are enough, or one character that is a word", () => {
  for (const text of ["ab", "a b", "42", "猫", "고", "🐳", "from:me", "in:X", "é1"])
    assert.ok(isEnough(text), text);
  for (const text of ["", " ", "a", "?!", "from:", "from:a", "in: a", "-in:a", '"', "-x"])
    assert.ok(!isEnough(text), text);
});
