import type { OpenApiPart } from "#gateway/dialects/dialect.ts";

const json = (schema: object) => ({ "application/json": { schema } });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const failure = (description: string) => ({ description, content: json(ref("Message")) });

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
        requestBody: { required: true, content: json(ref("Value")) },
        responses: {
          "200": { description: "It can be read now, everywhere", content: json(ref("Message")) },
          ...failures,
        },
      },
    },
    "/get/{key}": {
      get: {
        operationId: "get",
        summary: "A value",
        security,
        parameters: [
          {
            name: "key",
            in: "path",
            required: true,
            description: "May hold slashes, encoded or not",
            schema: { type: "string" },
          },
        ],
        responses: {
          "200": { description: "The value", content: json(ref("Value")) },
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
      Value: {
        type: "object",
        required: ["key", "data"],
        properties: {
          key: { type: "string", description: "1 to 1,024 bytes of UTF-8" },
          extension: { type: "string", pattern: "^[0-9A-Za-z]{0,16}$", examples: ["png"] },
          data: { type: "string", contentEncoding: "base64" },
        },
      },
      Message: { type: "object", required: ["msg"], properties: { msg: { type: "string" } } },
    },
  },
};
