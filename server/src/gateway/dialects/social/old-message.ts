/** Messages as this API shows and takes them. */
import type { JsonObject } from "#gateway/dialects/dialect.ts";
import { optionalText, requiredText } from "#gateway/dialects/fields.ts";
import { invalidInput } from "#platform/errors.ts";
import { messageTextProblem } from "#platform/message-text.ts";
import { isUuid } from "#platform/uuid.ts";

const statuses = ["created", "received", "read", "deleted"] as const;

export type OldStatus = (typeof statuses)[number];

export interface OldMessage {
  readonly id: string;
  readonly text: string;
  readonly status: OldStatus;
  readonly create_time: string;
  readonly user_id: string;
  readonly chat_id: string;
}

/** What a client wants to be said. */
export interface OldSends {
  readonly chatId: string;
  readonly texts: readonly string[];
}

const maxSends = 100;

/**
 * Throws "invalid-input" before anything is sent, whatever the messenger would refuse a text for. A status must be one of the
 * four and is otherwise ignored: it follows from what has become of the message.
 */
export function readSends(from: JsonObject, maxTextBytes: number): OldSends {
  const chatId = readChatId(from);
  const { messages } = from;
  if (!Array.isArray(messages) || messages.length < 1 || messages.length > maxSends) {
    throw invalidInput("messages", `must be a list of 1 to ${maxSends} messages`);
  }
  return { chatId, texts: messages.map((message, index) => readText(message, index, maxTextBytes)) };
}

export function readChatId(from: JsonObject | URLSearchParams): string {
  const chatId = requiredText(from, "chat_id");
  if (!isUuid(chatId)) throw invalidInput("chat_id", "must be the id of a chat");
  return chatId;
}

function readText(message: unknown, index: number, maxBytes: number): string {
  if (typeof message !== "object" || message === null)
    throw invalidInput(`messages[${index}]`, "must be an object");
  const status = optionalText(message as JsonObject, "status");
  if (status !== "" && !(statuses as readonly string[]).includes(status)) {
    throw invalidInput(`messages[${index}].status`, `must be one of ${statuses.join(", ")}`);
  }
  const text = requiredText(message as JsonObject, "text");
  const problem = messageTextProblem(text, maxBytes);
  if (problem) throw invalidInput(`messages[${index}].text`, problem);
  return text;
}
