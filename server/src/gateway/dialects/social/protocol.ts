/**
 * The frames of the WebSocket: {"topic":"messenger","action":"send-message","payload":"<JSON in a string>"} both ways,
 * made out of v2's frames and into its calls. Nobody gets their own messages, and nothing confirms a send.
 */

import type { EventJson } from "@parley/api/v2/event";
import type { JsonObject } from "#gateway/dialects/dialect.ts";
import { oldError } from "#gateway/dialects/social/errors.ts";
import { type OldMessage, readSends } from "#gateway/dialects/social/old-message.ts";
import { parseJsonText } from "#gateway/json/json-decoder.ts";
import { BadFrameError, type CallFrame } from "#gateway/realtime/call-frame.ts";
import type { SocketProtocol } from "#gateway/realtime/socket-entrance.ts";
import { frameText, textFrame } from "#gateway/realtime/text-frame.ts";
import { type ErrorCode, fault } from "#platform/errors.ts";

const topic = "messenger";
const action = "send-message";

export function createSocialProtocol(maxTextBytes: number): SocketProtocol {
  // A frame of events is pushed to many sockets: it is read once, and mostly written once.
  const pushes = new WeakMap<Buffer, Push>();
  return {
    readCalls: (text) => readCalls(text, maxTextBytes),
    translate(frame, userId) {
      const push = pushes.get(frame);
      if (push) return push.frameFor(userId);
      const { events, error } = JSON.parse(frameText(frame)) as PushedFrame;
      if (error) return oldFrame("error", oldError(error.code, error.message));
      if (!events) return undefined;
      const made = new Push(events.flatMap(messagesOf));
      pushes.set(frame, made);
      return made.frameFor(userId);
    },
  };
}

interface PushedFrame {
  events?: EventJson[];
  error?: { code: ErrorCode; message: string };
}

/** The messages of one chat that a frame tells of. */
class Push {
  readonly #messages: readonly OldMessage[];
  readonly #senderIds: ReadonlySet<string>;
  #frame: Buffer | undefined;

  constructor(messages: readonly OldMessage[]) {
    this.#messages = messages;
    this.#senderIds = new Set(messages.map((message) => message.user_id));
  }

  frameFor(userId: string): Buffer | undefined {
    if (this.#senderIds.has(userId))
      return pushFrame(this.#messages.filter(({ user_id }) => user_id !== userId));
    this.#frame ??= pushFrame(this.#messages);
    return this.#frame;
  }
}

function pushFrame(messages: readonly OldMessage[]): Buffer | undefined {
  const [first] = messages;
  return first && oldFrame(action, { chat_id: first.chat_id, messages });
}

function oldFrame(name: string, payload: object): Buffer {
  return textFrame(JSON.stringify({ topic, action: name, payload: JSON.stringify(payload) }));
}

function messagesOf({ kind, message }: EventJson): OldMessage[] {
  if (kind !== "message" || !message) return [];
  const { id = "", text = "", createdAt = "", senderId = "", chatId = "", deletedAt } = message;
  const status = deletedAt ? "deleted" : "received";
  return [{ id, text, status, create_time: createdAt, user_id: senderId, chat_id: chatId }];
}

/** All of the payload is looked at before anything is sent. */
function readCalls(text: string, maxTextBytes: number): CallFrame[] {
  const frame = readObject(text, "The frame must be a JSON object");
  const { payload } = frame;
  if (frame.topic !== topic || frame.action !== action) {
    throw badFrame(`The topic must be ${topic} and the action ${action}`);
  }
  if (typeof payload !== "string") throw badFrame("The payload must be JSON in a string");
  const sends = readObject(payload, "The payload must be a JSON object in a string");
  const { chatId, texts } = readSends(sends, maxTextBytes);
  return texts.map((one) => ({
    id: 0,
    call: "MessengerService/SendMessage",
    params: { chatId, text: one },
    traceparent: undefined,
  }));
}

function readObject(text: string, problem: string): JsonObject {
  let value: unknown;
  try {
    value = parseJsonText(text);
  } catch {
    throw badFrame(problem);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw badFrame(problem);
}

const badFrame = (detail: string) => new BadFrameError(null, fault("malformed-request", { detail }));
