import type { OpenApiPart } from "#gateway/dialects/dialect.ts";
import { answer, inQuery, listOf, object, ref, text, uuid } from "#gateway/dialects/openapi-parts.ts";

const failure = (description: string) => answer(description, ref("Failure"));
const security = [{ basic: [] }, { bearer: [] }];
const failures = {
  "400": failure("The request is not valid"),
  "401": failure("No credentials, or bad ones"),
  "429": failure("Too many requests"),
  "503": failure("The user service is away, and nothing is kept to answer with"),
};
const fields = ["first_name", "last_name", "email", "title", "login", "password"];
const required = fields.filter((name) => name !== "title");
const registration = object(Object.fromEntries(fields.map((name) => [name, text])), required);

export const openApi: OpenApiPart = {
  title: "lab",
  description:
    "Users. Every request but the registration carries HTTP Basic, or the token that GET /auth answers.",
  paths: {
    "/user": {
      post: {
        operationId: "register",
        summary: "Registers a user; the fields stand in the query, or in a form",
        security: [],
        parameters: fields.map((name) => inQuery(name)),
        requestBody: { content: { "application/x-www-form-urlencoded": { schema: registration } } },
        responses: {
          "200": { description: "The new user's id", content: { "text/plain": { schema: uuid } } },
          "400": failures["400"],
          "409": failure("The login or the e-mail address is taken"),
          "429": failures["429"],
          "503": failures["503"],
        },
      },
      get: {
        operationId: "getUser",
        summary: "A user",
        security,
        parameters: [inQuery("id", { required: true, schema: uuid })],
        responses: {
          "200": answer("The user", ref("User")),
          "404": failure("There is no such user"),
          ...failures,
        },
      },
    },
    "/user/search": {
      get: {
        operationId: "searchUsers",
        summary: "Users whose names begin with the masks; 100 at most",
        security,
        parameters: [
          inQuery("first_name", { description: "Needed, unless last_name is there" }),
          inQuery("last_name"),
        ],
        responses: {
          "200": answer("In the order of their names", listOf(ref("User"))),
          ...failures,
        },
      },
    },
    "/auth": {
      get: {
        operationId: "auth",
        summary: "A token instead of the password",
        security: [{ basic: [] }],
        responses: {
          "200": answer("Valid for an hour at most, and for ten minutes at least", ref("Token")),
          ...failures,
        },
      },
    },
    "/auth_check": {
      get: {
        operationId: "authCheck",
        summary: "Whose token it is",
        security,
        responses: { "200": answer("The caller", ref("Caller")), ...failures },
      },
    },
  },
  components: {
    securitySchemes: {
      basic: { type: "http", scheme: "basic" },
      bearer: { type: "http", scheme: "bearer" },
    },
    schemas: {
      User: object({
        id: uuid,
        first_name: text,
        last_name: text,
        email: { ...text, description: "Empty in what others see" },
        title: text,
        login: { ...text, description: "Empty in what others see" },
      }),
      Token: object({ id: uuid, token: text }),
      Caller: object({ id: uuid, login: text }),
      Failure: object({ type: text, title: text, status: { type: "integer" }, detail: text }),
    },
  },
};
