import type { OpenApiPart } from "#gateway/dialects/dialect.ts";
import { answer, inPath, jsonBody, object, ref, text } from "#gateway/dialects/openapi-parts.ts";

const failure = (description: string) => answer(description, ref("Message"));

const failures = {
  "400": failure("The request is not valid"),
  "401": failure("No credentials, or bad ones"),
  "413": failure("The value is too large"),
  "429": failure("Too many requests"),
  "503": failure("The store is away for the moment"),
};
/** None is needed where the store is public. */
const security = [{}, { bearer: [] }, { basic: [] }];

export const openApi: OpenApiPart = {
  title: "kv",
  description:
    "Binary values by key. Every caller has keys of his own, the same as at /v2/blobs; those of anonymous callers, where they are let in, are in a namespace of their own.",
  paths: {
    "/put/": {
      post: {
        operationId: "put",
        summary: "Stores a value, in place of what the key had before",
        security,
        requestBody: jsonBody(ref("Value")),
        responses: {
          "200": answer("It can be read now, everywhere", ref("Message")),
          ...failures,
        },
      },
    },
    "/get/{key}": {
      get: {
        operationId: "get",
        summary: "A value",
        security,
        parameters: [inPath("key", { description: "May hold slashes, encoded or not" })],
        responses: {
          "200": answer("The value", ref("Value")),
          "404": failure("There is no such key"),
          ...failures,
        },
      },
    },
  },
  components: {
    securitySchemes: {
      bearer: { type: "http", scheme: "bearer" },
      basic: { type: "http", scheme: "basic" },
    },
    schemas: {
      Value: object(
        {
          key: { ...text, description: "1 to 1,024 bytes of UTF-8" },
          extension: { ...text, pattern: "^[0-9A-Za-z]{0,16}$", examples: ["png"] },
          data: { ...text, contentEncoding: "base64" },
        },
        ["key", "data"],
      ),
      Message: object({ msg: text }),
    },
  },
};
