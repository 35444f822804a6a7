import { octoCookie } from "#gateway/dialects/credentials/credentials.ts";
import type { OpenApiPart } from "#gateway/dialects/dialect.ts";
import {
  answer,
  inQuery,
  json,
  jsonBody,
  object,
  ref,
  type Schema,
  text,
  uuid,
} from "#gateway/dialects/openapi-parts.ts";

const refused = (description: string) => answer(description, ref("Refusal"));
const failed = (description: string) => answer(description, ref("Failure"));

const always = {
  429: refused("Too many requests: try again after Retry-After seconds"),
  503: failed("A service is away for the moment"),
};
const needsToken = { 401: refused("No token, or one that is not valid any more"), ...always };
const security = [{ cookie: [] }, { query: [] }];

const inForms = (schema: Schema) => ({
  required: true,
  content: {
    "application/x-www-form-urlencoded": { schema },
    "multipart/form-data": { schema },
    ...json(schema),
  },
});

const sentMessage = object({ message: text });

const process = (summary: string) => ({
  post: {
    tags: ["processing"],
    summary,
    description: "The dispatcher picks the provider: the cheapest that takes the text, on either path.",
    security,
    parameters: [inQuery("message", { description: "The text; may be in the body instead" })],
    requestBody: { ...inForms(sentMessage), required: false },
    responses: {
      200: answer("The processed text", ref("Response")),
      400: refused("No message, or one that is too long"),
      403: refused("The free messages of the day are used up, and the user has no paid access"),
      502: failed("No provider gave a usable answer"),
      504: failed("It was sent to a provider, and nobody knows what came of it"),
      ...needsToken,
    },
  },
});

const accounts = {
  "/auth/register": {
    post: {
      tags: ["accounts"],
      summary: "Registers a user",
      description: "Whatever else the body says of the user (paid_access, is_verified …) is ignored.",
      security: [],
      requestBody: jsonBody(ref("NewUser")),
      responses: {
        201: answer("The user", ref("User")),
        400: refused("REGISTER_USER_ALREADY_EXISTS, or what is wrong with the input"),
        ...always,
      },
    },
  },
  "/auth/login": {
    post: {
      tags: ["accounts"],
      summary: "Signs in: sets the cookie with the token, which is valid for an hour",
      security: [],
      requestBody: inForms(
        object({ username: { ...text, description: "The e-mail address" }, password: text }),
      ),
      responses: {
        204: { description: "Signed in", headers: { "Set-Cookie": { schema: text } } },
        400: refused("LOGIN_BAD_CREDENTIALS, or what is wrong with the input"),
        ...always,
      },
    },
  },
  "/auth/logout": {
    post: {
      tags: ["accounts"],
      summary: "Ends the session and takes the cookie away",
      security,
      responses: { 204: answer("Signed out"), ...needsToken },
    },
  },
};

const own = {
  "/users/me": {
    get: {
      tags: ["users"],
      summary: "The own account",
      security,
      responses: { 200: answer("The user", ref("User")), ...needsToken },
    },
    patch: {
      tags: ["users"],
      summary: "Changes the own address or password; a new password ends all other sessions",
      security,
      requestBody: jsonBody(object({ email: text, password: text }, [])),
      responses: {
        200: answer("The user", ref("User")),
        400: refused("UPDATE_USER_EMAIL_ALREADY_EXISTS, or what is wrong with the input"),
        403: refused("The settings give roles to the one address or the other"),
        ...needsToken,
      },
    },
  },
  "/welcome": {
    get: {
      tags: ["users"],
      summary: "Greets the user",
      security,
      responses: { 200: answer("The greeting", ref("Response")), ...needsToken },
    },
  },
};

const user = object({
  id: uuid,
  email: text,
  is_active: { type: "boolean", const: true },
  is_superuser: { type: "boolean", const: false },
  is_verified: { type: "boolean", const: false },
  paid_access: { type: "boolean" },
  free_messages_left: {
    type: ["integer", "null"],
    description: "Of today (UTC); null while the dispatcher is away",
  },
  refresh_at: { type: ["string", "null"], format: "date", description: "When there are new ones" },
});

export const openApi: OpenApiPart = {
  title: "octo",
  description: "Texts processed by a free and a paid provider, with the token in a cookie.",
  paths: {
    ...accounts,
    ...own,
    "/free_provider": process("Processes a text"),
    "/paid_provider": process("Processes a text, as /free_provider does"),
  },
  components: {
    securitySchemes: {
      cookie: { type: "apiKey", in: "cookie", name: octoCookie },
      query: { type: "apiKey", in: "query", name: "token" },
    },
    schemas: {
      NewUser: object({ email: text, password: { ...text, description: "1 to 256 bytes" } }),
      User: user,
      Response: object({ ok: { type: "boolean", const: true }, response: text }),
      Refusal: object({ detail: text }),
      Failure: object({ ok: { type: "boolean", const: false }, detail: text }),
    },
  },
};
