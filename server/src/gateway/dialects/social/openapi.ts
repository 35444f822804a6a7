import type { OpenApiPart } from "#gateway/dialects/dialect.ts";
import {
  answer,
  inQuery,
  jsonBody,
  listOf,
  object,
  ref,
  type Schema,
  text,
  uuid,
} from "#gateway/dialects/openapi-parts.ts";

const time = { ...text, format: "date-time" };
const number = { type: "integer", minimum: 0 };

const refusals: Readonly<Record<number, string>> = {
  400: "The request is not valid, the credentials are wrong, or the address has an account already",
  401: "The token is missing, or is not valid any more",
  404: "It is not there, or not the caller's",
  413: "The request is too large",
  429: "Too many requests; Retry-After says when to come again",
  503: "What is needed is away for the moment",
};
const refused = (...codes: number[]) =>
  Object.fromEntries([...codes, 429, 503].map((code) => [code, answer(refusals[code]!, ref("Error"))]));

const security = [{ token: [] }];
const page = (maximum: number) => [
  inQuery("limit", {
    schema: { type: "integer", minimum: 1, default: 50, description: `At most ${maximum} are answered` },
  }),
  inQuery("offset", { schema: { ...number, default: 0 } }),
];
const paged = (name: string, schema: Schema) =>
  object({ total: number, limit: number, offset: number, [name]: listOf(schema) });

const credentials = {
  email: { ...text, format: "email" },
  password: { ...text, minLength: 1 },
};
const account = object(
  {
    ...credentials,
    name: text,
    surname: text,
    birthday: { ...text, description: "A date, or a time as in RFC 3339" },
    sex: text,
    city: text,
    interests: text,
  },
  ["email", "password"],
);

const findUser = {
  get: {
    summary: "The id of the user with this address",
    security,
    parameters: [inQuery("email", { required: true })],
    responses: { 200: answer("The user", object({ user_id: uuid })), ...refused(400, 401, 404) },
  },
};

const accounts = {
  "/auth/sign-up": {
    post: {
      summary: "Makes an account",
      requestBody: jsonBody(account),
      responses: { 200: answer("Made", object({})), ...refused(400, 413) },
    },
  },
  "/auth/sign-in": {
    post: {
      summary: "Begins a session",
      requestBody: jsonBody(object(credentials)),
      responses: { 200: answer("Its tokens", ref("Tokens")), ...refused(400) },
    },
  },
  "/auth/token": {
    put: {
      summary: "Trades a refresh token, which works once, for a new pair",
      requestBody: jsonBody(object({ refresh_token: text })),
      responses: { 200: answer("The new pair", ref("Tokens")), ...refused(400, 401) },
    },
  },
  "/auth/user": findUser,
  "/auth/user/get-by-email": findUser,
};

const createChat = {
  post: {
    summary: "The chat with somebody, made when there is none yet",
    security,
    requestBody: jsonBody(object({ companion_id: uuid })),
    responses: { 200: answer("The chat", object({ chat_id: uuid })), ...refused(400, 401) },
  },
};

const chats = {
  "/messenger/create-chat": createChat,
  "/messenger/chat": createChat,
  "/messenger/chats": {
    get: {
      summary: "The caller's chats, the most recently active first",
      security,
      parameters: page(200),
      responses: { 200: answer("A page", paged("chats", ref("Chat"))), ...refused(400, 401) },
    },
  },
};

const sends = object({
  chat_id: uuid,
  messages: {
    type: "array",
    minItems: 1,
    maxItems: 100,
    items: object({ text: { ...text, minLength: 1 }, status: ref("Status") }, ["text"]),
  },
});

const socket = {
  "/messenger/ws": {
    get: {
      summary: "Opens a WebSocket, whose frames the description above shows",
      security: [],
      parameters: [inQuery("token", { required: true, schema: { ...text, description: "An access token" } })],
      responses: { 101: { description: "Open" }, ...refused(401) },
    },
  },
};

const messages = {
  "/messenger/messages": {
    get: {
      summary: "The messages of a chat, the newest first",
      security,
      parameters: [inQuery("chat_id", { required: true, schema: uuid }), ...page(1_000)],
      responses: {
        200: answer("A page", paged("messages", ref("Message"))),
        ...refused(400, 401, 404),
      },
    },
    post: {
      summary: "Sends messages, one after the other; the first that is refused ends it",
      security,
      requestBody: jsonBody(sends),
      responses: {
        200: answer("Sent", object({ chat_id: uuid, messages: listOf(ref("Message")) })),
        ...refused(400, 401, 404, 413),
      },
    },
  },
};

export const openApi: OpenApiPart = {
  title: "social",
  description: [
    "A gateway over accounts and chats.",
    "",
    "Its WebSocket is at `/messenger/ws?token=<access token>`. A client sends text frames",
    '`{"topic":"messenger","action":"send-message","payload":"…"}`, whose payload is JSON in a string:',
    '`{"chat_id":"…","messages":[{"text":"…","status":"created"}]}`. Others in the chat get the same frame with the whole',
    'messages; what is refused is answered with the action `error` and the payload `{"code":…,"message":"…"}`.',
  ].join("\n"),
  paths: { ...accounts, ...chats, ...messages, ...socket },
  components: {
    schemas: {
      Error: object({ code: { type: "integer", description: "The status" }, message: text }),
      Tokens: object({ access_token: text, refresh_token: text }),
      Chat: object({
        id: uuid,
        create_time: time,
        participants: listOf(object({ id: uuid, name: text, surname: text })),
      }),
      Status: { ...text, enum: ["created", "received", "read", "deleted"] },
      Message: object({
        id: text,
        text: text,
        status: ref("Status"),
        create_time: time,
        user_id: uuid,
        chat_id: uuid,
      }),
    },
    securitySchemes: {
      token: {
        type: "apiKey",
        in: "header",
        name: "Authorization",
        description: "The access token by itself",
      },
    },
  },
};
