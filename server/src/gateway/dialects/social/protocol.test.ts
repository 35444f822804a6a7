import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import type { EventJson, MessageJson } from "@parley/api/v2/event";
import { createSocialProtocol } from "#gateway/dialects/social/protocol.ts";
import { BadFrameError, errorFrame, findMethod } from "#gateway/realtime/call-frame.ts";
import { frameText, textFrame } from "#gateway/realtime/text-frame.ts";
import { fault, toPublicError } from "#platform/errors.ts";

const maxTextBytes = 20;
const [alice, bob, carol, chatId] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];

const frame = (fields: object) =>
  JSON.stringify({ topic: "messenger", action: "send-message", payload: "{}", ...fields });
const sending = (messages: unknown, chat: unknown = chatId) =>
  frame({ payload: JSON.stringify({ chat_id: chat, messages }) });

function message(senderId: string, text: string, more: MessageJson = {}): EventJson {
  const createdAt = "2026-11-21T10:00:00.250Z";
  const told = { id: `id of ${text}`, chatId, seq: 1, no: 1, senderId, text, createdAt, ...more };
  return { chatId, seq: 1, kind: "message", message: told };
}

const events = (...list: EventJson[]) => textFrame(JSON.stringify({ events: list }));

function read(told: Buffer | undefined) {
  if (!told) return undefined;
  const { topic, action, payload, ...rest } = JSON.parse(frameText(told));
  assert.deepEqual([topic, rest], ["messenger", {}]);
  assert.equal(typeof payload, "string");
  return { action, ...JSON.parse(payload) };
}

const textsOf = (told: Buffer | undefined) => read(told)?.messages.map((one: { text: string }) => one.text);

describe("a frame of an old client", () => {
  const { readCalls } = createSocialProtocol(maxTextBytes);
  const problemOf = (text: string) => {
    try {
      readCalls(text);
    } catch (error) {
      const isBad = error instanceof BadFrameError;
      return { isBad, ...toPublicError(isBad ? error.cause : error) };
    }
    throw new Error(`${text} was taken`);
  };

  it("is a send for each of its messages, in their order", () => {
    const calls = readCalls(
      sending([{ text: "one", status: "created" }, { text: "two" }, { text: "three", status: null }]),
    );
    assert.deepEqual(
      calls.map((call) => call.params),
      ["one", "two", "three"].map((text) => ({ chatId, text })),
    );
    for (const call of calls) assert.equal(findMethod(call).name, "SendMessage");
  });

  it("may say more than is known", () => {
    const payload = JSON.stringify({ chat_id: chatId, messages: [{ text: "x", id: 7 }], mood: "good" });
    assert.equal(readCalls(frame({ payload, version: 1 })).length, 1);
  });

  for (const text of [
    "",
    "{",
    "[]",
    "null",
    "7",
    "{}",
    frame({ topic: "other" }),
    frame({ action: "delete" }),
    frame({ action: { toString: 1 } }),
    frame({ payload: undefined }),
    frame({ payload: { chat_id: chatId, messages: [{ text: "x" }] } }),
    frame({ payload: "{" }),
    frame({ payload: "[]" }),
    frame({ payload: '"x"' }),
  ]) {
    it(`cannot be read: ${text}`, () => {
      const { isBad, code, status } = problemOf(text);
      assert.deepEqual([isBad, code, status], [true, "malformed-request", 400]);
    });
  }

  for (const [name, text] of [
    ["no chat", sending([{ text: "x" }], null)],
    ["a chat that is none", sending([{ text: "x" }], "my chat")],
    ["a chat of another type", sending([{ text: "x" }], 7)],
    ["no messages", frame({ payload: JSON.stringify({ chat_id: chatId }) })],
    ["none in the list", sending([])],
    ["too many", sending(Array.from({ length: 101 }, () => ({ text: "x" })))],
    ["no list", sending({ text: "x" })],
    ["no objects", sending(["x"])],
    ["null for an object", sending([null])],
    ["an empty text", sending([{ text: "x" }, { text: "" }])],
    ["no text", sending([{ text: "x" }, { status: "created" }])],
    ["a text of another type", sending([{ text: "x" }, { text: ["y"] }])],
    ["a text that nothing can store", sending([{ text: "x" }, { text: "a\0b" }])],
    ["a text of nothing to see", sending([{ text: "x" }, { text: " \n" }])],
    ["a text that is too long", sending([{ text: "x" }, { text: "x".repeat(21) }])],
    ["a text of too many bytes", sending([{ text: "x" }, { text: "я".repeat(11) }])],
    ["a text that is no Unicode", sending([{ text: "x" }, { text: "\ud800" }])],
    ["an unknown status", sending([{ text: "x" }, { text: "y", status: "sent" }])],
    ["a status of another type", sending([{ text: "x", status: 1 }])],
  ] as const) {
    it(`is refused as a whole, but does not count as broken: ${name}`, () => {
      const { isBad, code } = problemOf(text);
      assert.deepEqual([isBad, code], [false, "invalid-input"]);
    });
  }
});

describe("what an old client gets", () => {
  it("is others' messages, in the old shape", () => {
    const { translate } = createSocialProtocol(maxTextBytes);
    assert.deepEqual(read(translate(events(message(alice, "Hello, Bob!")), bob)), {
      action: "send-message",
      chat_id: chatId,
      messages: [
        {
          id: "id of Hello, Bob!",
          text: "Hello, Bob!",
          status: "received",
          create_time: "2026-11-21T10:00:00.250Z",
          user_id: alice,
          chat_id: chatId,
        },
      ],
    });
  });

  it("is never their own messages, whoever else is told by the same frame", () => {
    const { translate } = createSocialProtocol(maxTextBytes);
    const pushed = events(message(alice, "a"), message(bob, "b"), message(alice, "c"));
    assert.deepEqual(textsOf(translate(pushed, carol)), ["a", "b", "c"]);
    assert.deepEqual(textsOf(translate(pushed, bob)), ["a", "c"]);
    assert.deepEqual(textsOf(translate(pushed, alice)), ["b"]);
    assert.deepEqual(textsOf(translate(pushed, carol)), ["a", "b", "c"]);
    assert.equal(translate(events(message(alice, "a")), alice), undefined);
  });

  it("is written once for all who get the same", () => {
    const { translate } = createSocialProtocol(maxTextBytes);
    const pushed = events(message(alice, "x".repeat(70_000)));
    assert.equal(translate(pushed, bob), translate(pushed, carol));
  });

  it("is nothing of what it does not know", () => {
    const { translate } = createSocialProtocol(maxTextBytes);
    const other: EventJson[] = [
      { chatId, seq: 2, kind: "edit", message: message(alice, "edited").message! },
      { chatId, seq: 3, kind: "membership", membership: { userId: bob, change: "added", role: "member" } },
      { chatId, kind: "typing", actorId: alice },
      { chatId, kind: "chat" },
    ];
    for (const event of other) assert.equal(translate(events(event), bob), undefined);
    assert.equal(translate(textFrame(JSON.stringify({ positions: { [chatId]: 7 } })), bob), undefined);
    assert.equal(translate(textFrame('{"id":0,"result":{}}'), bob), undefined);
    assert.deepEqual(textsOf(translate(events(...other, message(alice, "a")), bob)), ["a"]);
  });

  it("is a deleted message without a text", () => {
    const { translate } = createSocialProtocol(maxTextBytes);
    const gone = events(message(alice, "", { deletedAt: "2026-11-21T10:00:01Z" }));
    assert.deepEqual(
      read(translate(gone, bob)).messages.map((one: { status: string; text: string }) => [
        one.status,
        one.text,
      ]),
      [["deleted", ""]],
    );
  });

  it("is an error by its old status and its message", () => {
    const { translate } = createSocialProtocol(maxTextBytes);
    const told = (error: unknown) => read(translate(errorFrame(0, error, "trace"), bob));
    assert.deepEqual(told(fault("chat-not-found")), {
      action: "error",
      code: 404,
      message: "There is no such chat among yours",
    });
    assert.equal(told(fault("too-many-requests")).code, 429);
    assert.equal(told(new Error("secret")).code, 500);
    assert.doesNotMatch(told(new Error("secret")).message, /secret/);
  });
});
