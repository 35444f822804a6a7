/** Errors in the OpenAPI document: one problem document with the codes of the registry. */
import type { Json } from "./openapi-schemas.ts";

/** The error registry. */
export type ErrorKinds = Readonly<Record<string, { status: number; title: string }>>;

export function problemSchemas(kinds: ErrorKinds): Record<string, Json> {
  const codes = Object.entries(kinds).map(
    ([code, { status, title }]) => `- \`${code}\` (${status}): ${title}`,
  );
  return {
    Problem: {
      type: "object",
      description: "What went wrong (RFC 9457).",
      required: ["type", "title", "status", "code", "detail", "traceId"],
      properties: {
        type: {
          type: "string",
          format: "uri-reference",
          description: "The code's entry in the error registry.",
        },
        title: { type: "string", description: "What the code means." },
        status: { type: "integer", minimum: 400, maximum: 599 },
        code: { type: "string", enum: Object.keys(kinds), description: codes.join("\n") },
        detail: { type: "string", description: "What happened this time." },
        traceId: {
          type: "string",
          pattern: "^[0-9a-f]{32}$",
          description: "Names this request in the server's log.",
        },
        violations: {
          type: "array",
          description: "What is wrong with the request, field by field.",
          items: { $ref: "#/components/schemas/Violation" },
        },
        retryAfterMs: {
          type: "integer",
          minimum: 1,
          description: "How long to wait before the next try, as Retry-After says in whole seconds.",
        },
      },
    },
    Violation: {
      type: "object",
      required: ["field", "message"],
      properties: {
        field: {
          type: "string",
          description: 'Where: "text", "memberIds[2]"; empty for the request as a whole.',
        },
        message: { type: "string", description: "What the field must be." },
      },
    },
  };
}

export function errorResponses(kinds: ErrorKinds): Record<string, Json> {
  const titles = (matches: (status: number) => boolean) =>
    Object.values(kinds)
      .filter(({ status }) => matches(status))
      .map(({ title }) => title);
  const response = (description: string): Json => ({
    description,
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
  });
  return {
    400: response(`${titles((status) => status === 400).join(", or ")}.`),
    401: response("No access token, or one that is not valid any more."),
    429: {
      ...(response("Too many requests; `Retry-After` says in how many seconds to try again.") as object),
      headers: {
        "Retry-After": { schema: { type: "integer", minimum: 1 } },
        "RateLimit-Policy": { schema: { type: "string" }, description: "The limit of such calls." },
        RateLimit: { schema: { type: "string" }, description: "What is left of it." },
      },
    },
    default: response("Any other error, see its code."),
  };
}
