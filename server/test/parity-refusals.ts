/** What is refused: bad input, and what is not the caller's. The same everywhere. */
import { randomUUID } from "node:crypto";
import type { DescMethodUnary, JsonValue } from "@bufbuild/protobuf";
import { AuthService } from "@parley/api/v2/auth";
import { MessengerService } from "@parley/api/v2/messenger";
import { SearchService } from "@parley/api/v2/search";
import { UserService } from "@parley/api/v2/user";
import type { ErrorCode } from "#platform/errors.ts";
import type { Parity } from "#test/parity-fixture.ts";

export interface Refusal {
  why: string;
  method: DescMethodUnary;
  params: JsonValue;
  code: ErrorCode;
  fields?: string[];
  /** Ada's when absent. */
  token?: string;
}

const m = MessengerService.method;
const s = SearchService.method;

const searchRefusals = (otherTaskId: string, eveToken: string): Refusal[] => [
  ...[
    { why: "a search for nothing", q: "" },
    { why: "a search for one letter", q: "a" },
    { why: "a search for punctuation", q: '?! "" --' },
    { why: "a search for what is not there", q: '-this -"and that"' },
    { why: "a search for an operator that says nothing", q: "from:" },
    { why: "a search before no day", q: "plans before:yesterday" },
    { why: "a search of 10,000 characters", q: "plans ".repeat(1_700) },
    { why: "a search for 33 words", q: "ab ".repeat(33) },
    { why: "a search for U+0000", q: "plans\0" },
  ].flatMap(({ why, q }): Refusal[] => [
    { why, method: s.search, params: { q }, code: "invalid-input", fields: ["q"] },
    {
      why: `${why}, as a task`,
      method: s.createSearchTask,
      params: { query: q },
      code: "invalid-input",
      fields: ["query"],
    },
  ]),
  {
    why: "too many hits",
    method: s.search,
    params: { q: "plans", limit: 101 },
    code: "invalid-input",
    fields: ["limit"],
  },
  {
    why: "too many results",
    method: s.listSearchResults,
    params: { id: otherTaskId, limit: 201 },
    code: "invalid-input",
    fields: ["limit"],
  },
  {
    why: "a search task's id that is none",
    method: s.getSearchTask,
    params: { id: "1" },
    code: "invalid-input",
    fields: ["id"],
  },
  ...[s.getSearchTask, s.listSearchResults, s.deleteSearchTask].flatMap((method): Refusal[] => [
    {
      why: `${method.name} of a task that does not exist`,
      method,
      params: { id: randomUUID() },
      code: "search-task-not-found",
    },
    {
      why: `${method.name} of someone else's task`,
      method,
      params: { id: otherTaskId },
      code: "search-task-not-found",
      token: eveToken,
    },
  ]),
  {
    why: "a page of results that nobody gave out",
    method: s.listSearchResults,
    params: { id: otherTaskId, cursor: "nonsense" },
    code: "invalid-input",
    fields: ["cursor"],
  },
];

export function refusals({ ada, ben, eve, chatId, messageId, searchTaskId }: Parity): Refusal[] {
  const id = randomUUID();
  const send = { chatId, clientId: "bad", text: "x" };
  return [
    {
      why: "an unknown field",
      method: m.sendMessage,
      params: { ...send, txet: "x" },
      code: "invalid-input",
      fields: ["txet"],
    },
    {
      why: "a wrong type",
      method: m.sendMessage,
      params: { ...send, text: 5 },
      code: "invalid-input",
      fields: ["text"],
    },
    {
      why: "a missing field",
      method: m.sendMessage,
      params: { chatId },
      code: "invalid-input",
      fields: ["text"],
    },
    {
      why: "a blank text",
      method: m.sendMessage,
      params: { ...send, text: "  " },
      code: "invalid-input",
      fields: ["text"],
    },
    {
      why: "a text above the limit",
      method: m.sendMessage,
      params: { ...send, text: "é".repeat(8_193) },
      code: "invalid-input",
      fields: ["text"],
    },
    {
      why: "an edit above the limit",
      method: m.editMessage,
      params: { chatId, messageId: messageId, text: "é".repeat(8_193) },
      code: "invalid-input",
      fields: ["text"],
    },
    {
      why: "U+0000 in a text",
      method: m.sendMessage,
      params: { ...send, text: "a\0" },
      code: "invalid-input",
      fields: ["text"],
    },
    {
      why: "U+0000 in a cursor",
      method: m.listChats,
      params: { cursor: "a\0" },
      code: "invalid-input",
      fields: ["cursor"],
    },
    {
      why: "half of a surrogate pair",
      method: m.sendMessage,
      params: { ...send, text: "\ud800" },
      code: "invalid-input",
      fields: ["text"],
    },
    {
      why: "an overlong client id",
      method: m.sendMessage,
      params: { ...send, clientId: "x".repeat(65) },
      code: "invalid-input",
      fields: ["clientId"],
    },
    {
      why: "an id that is none",
      method: m.getChat,
      params: { chatId: "1" },
      code: "invalid-input",
      fields: ["chatId"],
    },
    {
      why: "an id in a list that is none",
      method: m.createChat,
      params: { kind: "group", memberIds: [ben.id, "1"] },
      code: "invalid-input",
      fields: ["memberIds[1]"],
    },
    {
      why: "ids given twice",
      method: m.createChat,
      params: { kind: "group", memberIds: [ben.id, ben.id] },
      code: "invalid-input",
      fields: ["memberIds"],
    },
    {
      why: "a value that is none of the choices",
      method: m.createChat,
      params: { kind: "party" },
      code: "invalid-input",
      fields: ["kind"],
    },
    {
      why: "too many items",
      method: m.createChat,
      params: { kind: "group", memberIds: Array.from({ length: 1_001 }, () => randomUUID()) },
      code: "invalid-input",
      fields: ["memberIds"],
    },
    {
      why: "a negative cursor",
      method: m.listMessages,
      params: { chatId, before: -1 },
      code: "invalid-input",
      fields: ["before"],
    },
    {
      why: "a cursor above all numbers",
      method: m.listMessages,
      params: { chatId, after: 2 ** 32 },
      code: "invalid-input",
      fields: ["after"],
    },
    {
      why: "a cursor with a fraction",
      method: m.listMessages,
      params: { chatId, after: 1.5 },
      code: "invalid-input",
      fields: ["after"],
    },
    {
      why: "a cursor that nobody gave out",
      method: m.listChats,
      params: { cursor: "nonsense" },
      code: "invalid-input",
      fields: ["cursor"],
    },
    {
      why: "both directions at once",
      method: m.listMessages,
      params: { chatId, before: 5, after: 1 },
      code: "invalid-input",
      fields: [""],
    },
    {
      why: "a page that is too large",
      method: m.listMessages,
      params: { chatId, limit: 201 },
      code: "invalid-input",
      fields: ["limit"],
    },
    { why: "a chat that does not exist", method: m.getChat, params: { chatId: id }, code: "chat-not-found" },
    {
      why: "reading someone else's chat",
      method: m.listMessages,
      params: { chatId },
      code: "chat-not-found",
      token: eve.token,
    },
    {
      why: "the events of someone else's chat",
      method: m.listEvents,
      params: { chatId },
      code: "chat-not-found",
      token: eve.token,
    },
    {
      why: "writing to someone else's chat",
      method: m.sendMessage,
      params: send,
      code: "chat-not-found",
      token: eve.token,
    },
    {
      why: "editing in someone else's chat",
      method: m.editMessage,
      params: { chatId, messageId: messageId, text: "mine" },
      code: "chat-not-found",
      token: eve.token,
    },
    {
      why: "joining someone else's chat",
      method: m.addMembers,
      params: { chatId, userIds: [eve.id] },
      code: "chat-not-found",
      token: eve.token,
    },
    {
      why: "editing someone else's message",
      method: m.editMessage,
      params: { chatId, messageId: messageId, text: "mine" },
      code: "forbidden",
      token: ben.token,
    },
    {
      why: "a message that does not exist",
      method: m.editMessage,
      params: { chatId, messageId: id, text: "x" },
      code: "message-not-found",
    },
    {
      why: "members that do not exist",
      method: m.createChat,
      params: { kind: "group", memberIds: [id] },
      code: "user-not-found",
      fields: ["memberIds[0]"],
    },
    {
      why: "an owner who leaves",
      method: m.removeMember,
      params: { chatId, userId: ada.id },
      code: "owner-required",
    },
    {
      why: "a user who does not exist",
      method: UserService.method.getUser,
      params: { id },
      code: "user-not-found",
    },
    {
      why: "a session that does not exist",
      method: AuthService.method.revokeSession,
      params: { id },
      code: "session-not-found",
    },
    {
      why: "a wrong password",
      method: AuthService.method.signIn,
      params: { email: ada.email, password: "wrong" },
      code: "bad-credentials",
    },
    {
      why: "a made-up refresh token",
      method: AuthService.method.refresh,
      params: { refreshToken: "made-up" },
      code: "refresh-token-invalid",
    },
    ...searchRefusals(searchTaskId, eve.token),
  ];
}
