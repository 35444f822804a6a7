/** What several routes read from their requests. */
import type { JsonObject } from "#gateway/dialects/dialect.ts";
import { requiredText } from "#gateway/dialects/fields.ts";
import { fault, invalidInput } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";

export function requiredName(json: JsonObject, field: string): string {
  const name = requiredText(json, field);
  if (/\p{Cc}/u.test(name)) throw invalidInput(field, "must hold no control characters");
  return name;
}

/** What cannot be a chat's id is the id of no chat. */
export function chatIdOf({ chat_id: chatId = "" }: Readonly<Record<string, string>>): string {
  if (!isUuid(chatId)) throw fault("chat-not-found");
  return chatId.toLowerCase();
}

/** Throws "search-task-not-found". */
export function taskIdOf({ task_id: taskId = "" }: Readonly<Record<string, string>>): string {
  if (!isUuid(taskId)) throw fault("search-task-not-found");
  return taskId.toLowerCase();
}

/** What `next.iterator` says; clients only hand it back. */
export function writeIterator(text: string): string {
  return Buffer.from(text).toString("base64url");
}

/** What stands in `from`, taken apart; undefined: the first page. Throws when no iterator was written so. */
export function readIterator(query: URLSearchParams, form: RegExp): RegExpExecArray | undefined {
  const written = query.get("from");
  if (!written) return undefined;
  const text = Buffer.from(written, "base64url").toString();
  const parts = form.exec(text);
  if (!parts || writeIterator(text) !== written)
    throw invalidInput("from", "must be the iterator of a page before");
  return parts;
}
