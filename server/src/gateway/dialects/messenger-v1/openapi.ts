import type { OpenApiPart } from "#gateway/dialects/dialect.ts";
import {
  answer,
  inPath,
  inQuery,
  jsonBody,
  listOf,
  object,
  ref,
  type Schema,
  text,
} from "#gateway/dialects/openapi-parts.ts";

const reason = ref("Reason");
const refusals: Readonly<Record<number, string>> = {
  400: "bad-parameters",
  401: "The session id is missing, wrong, or its session is over; or name and password do not fit",
  403: "The caller may only read there",
  404: "chat-not-found, user-not-found or task-not-found",
  429: "More than 100 requests in a second",
  503: "What is needed is away for the moment",
};
const refused = (...codes: number[]) =>
  Object.fromEntries([...codes, 429, 503].map((code) => [code, answer(refusals[code]!, reason)]));

const security = [{ session: [] }];
const filled = { ...text, minLength: 1 };
const page = [
  inQuery("limit", { schema: { type: "integer", minimum: 1, maximum: 1_000, default: 100 } }),
  inQuery("from", { schema: { ...text, description: "next.iterator of the page before" } }),
];
const messages = (properties: Schema) =>
  object({ messages: listOf(object(properties)), next: object({ iterator: text }) }, ["messages"]);

const accounts = {
  "/v1/auth/register": {
    post: {
      summary: "Registers a user; 400 when the name is taken",
      requestBody: jsonBody(object({ user_name: filled, password: filled })),
      responses: { 201: answer("Registered", object({})), ...refused(400) },
    },
  },
  "/v1/auth/login": {
    post: {
      summary: "Begins a session of one hour",
      requestBody: jsonBody(object({ user_name: filled, password: filled })),
      responses: { 200: answer("The session", object({ session_id: text })), ...refused(400, 401) },
    },
  },
  "/v1/auth/logout": {
    post: {
      summary: "Ends the session at once",
      security,
      responses: { 200: answer("Ended", object({})), ...refused(401) },
    },
  },
};

const chats = {
  "/v1/chats": {
    post: {
      summary: "Makes a chat, which whoever knows its id may join",
      security,
      requestBody: jsonBody(object({ chat_name: filled })),
      responses: { 201: answer("The chat", object({ chat_id: text })), ...refused(400, 401) },
    },
  },
  "/v1/chats/{chat_id}/users": {
    post: {
      summary: "Joins a chat under a name, or takes another one",
      security,
      parameters: [inPath("chat_id")],
      requestBody: jsonBody(object({ user_name: filled })),
      responses: {
        201: answer("The caller in that chat", object({ user_id: text })),
        ...refused(400, 401, 404),
      },
    },
  },
  "/v1/chats/{chat_id}/messages": {
    post: {
      summary: "Sends a message",
      security,
      parameters: [inPath("chat_id"), inQuery("user_id", { required: true })],
      requestBody: jsonBody(object({ message: filled })),
      responses: { 201: answer("Sent", object({ message_id: text })), ...refused(400, 401, 403, 404) },
    },
    get: {
      summary: "The messages, the newest first",
      security,
      parameters: [inPath("chat_id"), ...page],
      responses: {
        200: answer("A page; next is missing at the end", messages({ text: text })),
        ...refused(400, 401, 404),
      },
    },
  },
};

const search = {
  "/v1/chats/search": {
    post: {
      summary: "Looks for a phrase of four characters or more in the caller's chats",
      security,
      requestBody: jsonBody(object({ message: { ...text, minLength: 4 } })),
      responses: { 201: answer("The task", object({ task_id: text })), ...refused(400, 401, 404) },
    },
  },
  "/v1/chats/search/status/{task_id}": {
    get: {
      summary: "How a search stands",
      security,
      parameters: [inPath("task_id")],
      responses: {
        200: answer(
          "Its status",
          object({ status: { ...text, enum: ["SUCCESS", "IN_PROCESS", "WAITING", "FAILED"] } }),
        ),
        ...refused(401, 404),
      },
    },
  },
  "/v1/chats/search/{task_id}/messages": {
    get: {
      summary: "What was found, the newest first, 100 messages at the most",
      security,
      parameters: [inPath("task_id"), ...page],
      responses: {
        200: answer("A page; empty while the task is not done", messages({ text: text, chat_id: text })),
        ...refused(400, 401, 404),
      },
    },
  },
};

const pings = {
  "/ping": {
    get: { summary: "Whether the server is there", responses: { 200: answer("It is"), ...refused() } },
  },
  "/ping_db": {
    get: { summary: "Whether the database is there", responses: { 200: answer("It is"), ...refused() } },
  },
};

export const openApi: OpenApiPart = {
  title: "messenger-v1",
  description: "A REST messenger with sessions.",
  paths: { ...pings, ...accounts, ...chats, ...search },
  components: {
    schemas: { Reason: object({ message: text }) },
    securitySchemes: {
      session: {
        type: "apiKey",
        in: "header",
        name: "Authorization",
        description: "session_id <session id>",
      },
    },
  },
};
