/** What docs and Swagger UI show of it. */
import type { OpenApiPart } from "#gateway/dialects/dialect.ts";

type Json = Readonly<Record<string, unknown>>;

const string = { type: "string" };
const uuid = { type: "string", format: "uuid" };
const time = { type: "string", format: "date-time" };
const number = { type: "integer", minimum: 0 };
const object = (properties: Json, required = Object.keys(properties)) => ({
  type: "object",
  ...(required.length > 0 ? { required } : {}),
  properties,
});
const listOf = (items: Json) => ({ type: "array", items });
const named = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: Json) => ({ content: { "application/json": { schema } } });
const answer = (description: string, schema: Json) => ({ description, ...json(schema) });
const body = (schema: Json) => ({ requestBody: { required: true, ...json(schema) } });
const inQuery = (name: string, schema: Json, required = false) => ({ name, in: "query", required, schema });

const refusals: Readonly<Record<number, string>> = {
  400: "The request is not valid, the credentials are wrong, or the address has an account already",
  401: "The token is missing, or is not valid any more",
  404: "It is not there, or not the caller's",
  413: "The request is too large",
  429: "Too many requests; Retry-After says when to come again",
  503: "What is needed is away for the moment",
};
const refused = (...codes: number[]) =>
  Object.fromEntries([...codes, 429, 503].map((code) => [code, answer(refusals[code]!, named("Error"))]));

const withToken = { security: [{ token: [] }] };
const page = (maximum: number) => [
  inQuery("limit", {
    type: "integer",
    minimum: 1,
    default: 50,
    description: `At most ${maximum} are answered`,
  }),
  inQuery("offset", { type: "integer", minimum: 0, default: 0 }),
];
const paged = (name: string, schema: Json) =>
  object({ total: number, limit: number, offset: number, [name]: listOf(schema) });

const credentials = {
  email: { type: "string", format: "email" },
  password: { type: "string", minLength: 1 },
};
const account = object(
  {
    ...credentials,
    name: string,
    surname: string,
    birthday: { type: "string", description: "A date, or a time as in RFC 3339" },
    sex: string,
    city: string,
    interests: string,
  },
  ["email", "password"],
);

const findUser = {
  get: {
    summary: "The id of the user with this address",
    ...withToken,
    parameters: [inQuery("email", string, true)],
    responses: { 200: answer("The user", object({ user_id: uuid })), ...refused(400, 401, 404) },
  },
};

const accounts = {
  "/auth/sign-up": {
    post: {
      summary: "Makes an account",
      ...body(account),
      responses: { 200: answer("Made", object({})), ...refused(400, 413) },
    },
  },
  "/auth/sign-in": {
    post: {
      summary: "Begins a session",
      ...body(object(credentials)),
      responses: { 200: answer("Its tokens", named("Tokens")), ...refused(400) },
    },
  },
  "/auth/token": {
    put: {
      summary: "Trades a refresh token, which works once, for a new pair",
      ...body(object({ refresh_token: string })),
      responses: { 200: answer("The new pair", named("Tokens")), ...refused(400, 401) },
    },
  },
  "/auth/user": findUser,
  "/auth/user/get-by-email": findUser,
};

const createChat = {
  post: {
    summary: "The chat with somebody, made when there is none yet",
    ...withToken,
    ...body(object({ companion_id: uuid })),
    responses: { 200: answer("The chat", object({ chat_id: uuid })), ...refused(400, 401) },
  },
};

const chats = {
  "/messenger/create-chat": createChat,
  "/messenger/chat": createChat,
  "/messenger/chats": {
    get: {
      summary: "The caller's chats, the most recently active first",
      ...withToken,
      parameters: page(200),
      responses: { 200: answer("A page", paged("chats", named("Chat"))), ...refused(400, 401) },
    },
  },
};

const sends = object({
  chat_id: uuid,
  messages: {
    type: "array",
    minItems: 1,
    maxItems: 100,
    items: object({ text: { type: "string", minLength: 1 }, status: named("Status") }, ["text"]),
  },
});

const socket = {
  "/messenger/ws": {
    get: {
      summary: "Opens a WebSocket, whose frames the description above shows",
      security: [],
      parameters: [inQuery("token", { type: "string", description: "An access token" }, true)],
      responses: { 101: { description: "Open" }, ...refused(401) },
    },
  },
};

const messages = {
  "/messenger/messages": {
    get: {
      summary: "The messages of a chat, the newest first",
      ...withToken,
      parameters: [inQuery("chat_id", uuid, true), ...page(1_000)],
      responses: {
        200: answer("A page", paged("messages", named("Message"))),
        ...refused(400, 401, 404),
      },
    },
    post: {
      summary: "Sends messages, one after the other; the first that is refused ends it",
      ...withToken,
      ...body(sends),
      responses: {
        200: answer("Sent", object({ chat_id: uuid, messages: listOf(named("Message")) })),
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
      Error: object({ code: { type: "integer", description: "The status" }, message: string }),
      Tokens: object({ access_token: string, refresh_token: string }),
      Chat: object({
        id: uuid,
        create_time: time,
        participants: listOf(object({ id: uuid, name: string, surname: string })),
      }),
      Status: { type: "string", enum: ["created", "received", "read", "deleted"] },
      Message: object({
        id: string,
        text: string,
        status: named("Status"),
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
