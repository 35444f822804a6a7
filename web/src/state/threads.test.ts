/** What is loaded while other things happen, against a server that answers when the test says so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Chat, ChatEvent, Message, ParleyClient } from "@parley/client";
import { type AppState, initialState } from "./app-state.ts";
import { createStore } from "./store.ts";
import { shownOf } from "./stretches.ts";
import { createThreads } from "./threads.ts";
import { addMessage, changeMessage } from "./updates.ts";

interface Page {
  before?: number;
  after?: number;
  limit: number;
}

function message(no: number, text = `text ${no}`): Message {
  const rest = {
    chatId: "c",
    senderId: "other",
    clientId: "",
    replyTo: "",
    reactions: [],
    attachments: [],
  };
  return { id: `m${no}`, seq: no, no, text, ...rest };
}

/** A server with a chat of so many messages; it holds its answers back while `isHolding`. */
function createRig(count: number) {
  const log = Array.from({ length: count }, (_, i) => message(i + 1));
  const held: (() => void)[] = [];
  const asked: Page[] = [];
  const rig = { isHolding: false };
  const parley = {
    async listMessages(_chatId: string, page: Page) {
      asked.push(page);
      const { before = Number.POSITIVE_INFINITY, after, limit } = page;
      // As it is when it is asked for, not when it arrives.
      const messages =
        after === undefined
          ? log.filter(({ seq }) => seq < before).slice(-limit)
          : log.filter(({ seq }) => seq > after).slice(0, limit);
      if (rig.isHolding) await new Promise<void>((resolve) => held.push(resolve));
      const first = messages[0];
      return { messages, ...(first && first.no > 1 ? { nextBefore: first.seq } : {}) };
    },
    listMembers: async () => ({ members: [] }),
  } as unknown as ParleyClient;
  const chat = { id: "c", lastNo: 0, lastSeq: 0, readNo: 0 } as Chat;
  const store = createStore<AppState>({ ...initialState, chats: new Map([["c", chat]]) });
  const threads = createThreads(parley, store, { need() {}, put() {}, reset() {} });

  /** As chat-sync does with events. */
  function deliver(event: Partial<ChatEvent> & { message: Message }): void {
    threads.onEvent({ chatId: "c", seq: 0, actorId: "other", kind: "message", ...event });
    const apply = event.kind === "edit" ? changeMessage : addMessage;
    store.update((state) => apply(state, event.message));
  }

  return {
    threads,
    asked,
    store,
    hold() {
      rig.isHolding = true;
    },
    async release() {
      rig.isHolding = false;
      for (const resolve of held.splice(0)) resolve();
      await settle();
    },
    edit(no: number, text: string) {
      log[no - 1] = message(no, text);
      deliver({ kind: "edit", message: log[no - 1]! });
    },
    send() {
      log.push(message(log.length + 1));
      deliver({ message: log.at(-1)! });
    },
    thread: () => store.get().threads.get("c")!,
    shown: () => shownOf(store.get().threads.get("c")!).messages,
  };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
const same = (state: AppState) => state;
const nosOf = (messages: readonly Message[]) => [messages[0]?.no, messages.at(-1)?.no, messages.length];

test("goes to a message that is not loaded, and on from there to the latest ones without a hole", async () => {
  const { threads, thread, shown, send } = createRig(300);
  await threads.seek(message(100), same);
  assert.deepEqual(nosOf(shown()), [50, 149, 100]);
  send();
  assert.deepEqual(nosOf(thread().messages), [251, 301, 51]);
  assert.deepEqual(nosOf(shown()), [50, 149, 100]);
  await threads.loadOlder("c");
  assert.deepEqual([nosOf(shown()), shown() === thread().messages], [[1, 149, 149], false]);
  assert.equal(thread().excerpt?.hasOlder, false);
  for (let i = 0; i < 3; i++) await threads.loadNewer("c");
  assert.equal(thread().excerpt, undefined);
  assert.deepEqual(nosOf(shown()), [1, 301, 301]);
});

test("reads nothing for a message that is there, and reveals it in the update that shows it", async () => {
  const { threads, thread, shown, asked, store } = createRig(300);
  await threads.seek(message(10), same);
  await threads.seek(message(280), (state) => ({ ...state, openChatId: "c" }));
  const reads = asked.length;
  assert.equal(thread().excerpt, undefined);
  const seen: unknown[] = [];
  store.subscribe(() => seen.push([store.get().openChatId, shown().some(({ no }) => no === 20)]));
  await threads.seek(message(290), same);
  assert.equal(asked.length, reads);
  await threads.seek(message(20), (state) => ({ ...state, openChatId: "other" }));
  assert.deepEqual(seen.at(-1), ["other", true]);
  assert.ok(!seen.some((one) => JSON.stringify(one) === '["other",false]'));
});

test("an edit that overtakes the page with its message is not undone by it", async () => {
  for (const load of ["seek", "loadOlder"] as const) {
    const { threads, shown, hold, release, edit } = createRig(300);
    await threads.load("c");
    hold();
    const loading = load === "seek" ? threads.seek(message(100), same) : threads.loadOlder("c");
    await settle();
    edit(load === "seek" ? 100 : 240, "edited");
    await release();
    await loading;
    await settle();
    assert.equal(shown().filter(({ text }) => text === "edited").length, 1, load);
  }
});

test("what is to be fetched again is fetched again where the reader is", async () => {
  const { threads, thread, shown, hold, release, edit } = createRig(300);
  await threads.seek(message(100), same);
  const from = shown()[0]!.no;
  hold();
  const loading = threads.load("c");
  await release();
  await loading;
  assert.equal(shown()[0]?.no, from);
  assert.notEqual(thread().excerpt, undefined);
  edit(100, "edited");
  assert.equal(shown().find(({ no }) => no === 100)?.text, "edited");
  threads.showLatest("c");
  assert.deepEqual(nosOf(shown()), [251, 300, 50]);
});
