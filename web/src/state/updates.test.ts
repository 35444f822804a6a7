import assert from "node:assert/strict";
import { test } from "node:test";
import type { Chat, Message } from "@parley/client";
import { type AppState, chatsByActivity, emptyThread, initialState, readBy } from "./app-state.ts";
import {
  addMessage,
  applyMembership,
  applyReaction,
  applyRead,
  changeMessage,
  mergeMessages,
  putChat,
} from "./updates.ts";

const me = { id: "me", name: "Me" };

function chat(changes: Partial<Chat> = {}): Chat {
  return {
    id: "c",
    kind: "group",
    title: "Circle",
    lastSeq: 0,
    lastNo: 0,
    memberCount: 2,
    role: "member",
    readNo: 0,
    unread: 0,
    peerId: "",
    processor: "",
    language: "",
    ...changes,
  };
}

function message(no: number, changes: Partial<Message> = {}): Message {
  return {
    id: `m${no}`,
    chatId: "c",
    seq: no,
    no,
    senderId: "other",
    clientId: "",
    text: `text ${no}`,
    replyTo: "",
    reactions: [],
    attachments: [],
    createdAt: new Date(no * 1000).toISOString(),
    ...changes,
  };
}

function stateWith(given: Chat, messages: Message[] = []): AppState {
  return {
    ...initialState,
    phase: "ready",
    me,
    chats: new Map([[given.id, given]]),
    threads: new Map([
      [
        given.id,
        {
          ...emptyThread,
          isLoaded: true,
          messages,
          members: [
            { userId: "me", role: "member", readNo: 0 },
            { userId: "other", role: "owner", readNo: 0 },
          ],
        },
      ],
    ]),
  };
}

test("unread is what came after the last message read, and a repeated message counts once", () => {
  let state = stateWith(chat({ lastNo: 3, readNo: 2, unread: 1 }));
  state = addMessage(addMessage(state, message(4)), message(4));
  assert.equal(state.chats.get("c")?.unread, 2);
  assert.equal(state.chats.get("c")?.lastMessage?.text, "text 4");
  assert.equal(state.threads.get("c")?.messages.length, 1);
  state = applyRead(state, { chatId: "c", userId: "me", no: 4 });
  assert.equal(state.chats.get("c")?.unread, 0);
  state = applyRead(state, { chatId: "c", userId: "me", no: 1 });
  assert.equal(state.chats.get("c")?.readNo, 4, "it only rises");
});

test("what the server listed does not undo events that came after", () => {
  const state = stateWith(chat({ lastSeq: 9, lastNo: 5, readNo: 5 }));
  assert.equal(putChat(state, chat({ lastSeq: 8, lastNo: 4 })), state);
  const newer = putChat(state, chat({ lastSeq: 10, lastNo: 6, readNo: 3 })).chats.get("c");
  assert.deepEqual([newer?.readNo, newer?.unread], [5, 1]);
});

test("messages stay in the order of their seq, whatever the order they came in", () => {
  const merged = mergeMessages(
    [message(2), message(4)],
    [message(1), message(3), message(4, { text: "new" })],
  );
  assert.deepEqual(
    merged.map(({ text }) => text),
    ["text 1", "text 2", "text 3", "new"],
  );
});

test("an edit keeps the reactions, a deletion takes them along", () => {
  const reactions = [{ emoji: "👍", count: 1, mine: true }];
  const state = stateWith(chat({ lastMessage: message(1) }), [message(1, { reactions })]);
  const edited = changeMessage(state, message(1, { text: "other" }));
  assert.equal(edited.threads.get("c")?.messages[0]?.text, "other");
  assert.deepEqual(edited.threads.get("c")?.messages[0]?.reactions, reactions);
  assert.equal(edited.chats.get("c")?.lastMessage?.text, "other");
  const deleted = changeMessage(state, message(1, { text: "", deletedAt: "2026-01-01T00:00:00Z" }));
  assert.deepEqual(deleted.threads.get("c")?.messages[0]?.reactions, []);
});

test("reactions count up and down, know one's own, and vanish at zero", () => {
  const react = (state: AppState, actorId: string, removed = false) =>
    applyReaction(state, "c", { messageId: "m1", emoji: "👍", removed, actorId });
  const reactionsOf = (state: AppState) => state.threads.get("c")?.messages[0]?.reactions;
  let state = react(react(stateWith(chat(), [message(1)]), "other"), "me");
  assert.deepEqual(reactionsOf(state), [{ emoji: "👍", count: 2, mine: true }]);
  state = react(state, "me", true);
  assert.deepEqual(reactionsOf(state), [{ emoji: "👍", count: 1, mine: false }]);
  assert.deepEqual(reactionsOf(react(state, "other", true)), []);
});

test("one's own removal takes the chat away, another's only the member", () => {
  const hits = ["c", "d"].map((chatId) => ({ message: message(1, { chatId }), fragments: [], score: 1 }));
  const search = { ...initialState.search, hits };
  const state = { ...stateWith(chat()), openChatId: "c", search };
  const without = applyMembership(state, "c", { userId: "other", change: "removed", role: "" });
  assert.equal(without.chats.get("c")?.memberCount, 1);
  assert.deepEqual(
    without.threads.get("c")?.members.map(({ userId }) => userId),
    ["me"],
  );
  const gone = applyMembership(state, "c", { userId: "me", change: "removed", role: "" });
  assert.equal(gone.chats.size, 0);
  assert.equal(gone.openChatId, undefined);
  assert.deepEqual(
    gone.search.hits.map((hit) => hit.message.chatId),
    ["d"],
    "nor is it found any more",
  );
});

test("a message is read by none, some or all of the others", () => {
  const member = (userId: string, readNo: number) => ({ userId, role: "member", readNo });
  const mine = message(3, { senderId: "me" });
  assert.equal(readBy(mine, [member("me", 3), member("a", 2), member("b", 1)]), "none");
  assert.equal(readBy(mine, [member("me", 0), member("a", 3), member("b", 1)]), "some");
  assert.equal(readBy(mine, [member("me", 0), member("a", 3), member("b", 4)]), "all");
  assert.equal(readBy(mine, [member("me", 3)]), "none");
});

test("chats are ordered by their latest activity", () => {
  const chats = [
    chat({ id: "old", createdAt: "2026-01-01T00:00:00Z" }),
    chat({ id: "new", createdAt: "2026-01-03T00:00:00.5Z" }),
    chat({ id: "busy", lastMessage: message(1, { createdAt: "2026-01-03T00:00:00.25Z" }) }),
  ];
  const ordered = chatsByActivity(new Map(chats.map((one) => [one.id, one])));
  assert.deepEqual(
    ordered.map(({ id }) => id),
    ["new", "busy", "old"],
  );
});
