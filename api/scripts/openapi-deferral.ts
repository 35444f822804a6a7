/** What REST adds for deferrable methods, as the gateway's rest/deferral.ts does it. */
import type { Json } from "./openapi-schemas.ts";

/** Without examples: the documentation's "Try it out" would fill them in, and send one key with every text. */
export const deferralParameters: Json[] = [
  {
    name: "Idempotency-Key",
    in: "header",
    required: false,
    description:
      "Chosen by the client, one for each thing that is to be done once; a string in quotes, or bare. Stands for `idempotencyKey`; if both are given they must be the same.",
    schema: { type: "string", minLength: 1, maxLength: 257 },
  },
  {
    name: "Prefer",
    in: "header",
    required: false,
    description: "With `respond-async` (RFC 7240) the answer does not wait for the outcome.",
    schema: { type: "string" },
  },
];

export function deferredResponse(schema: Json): Json {
  return {
    description: "Not done yet: ask for the outcome at `Location`.",
    headers: {
      Location: { schema: { type: "string", format: "uri-reference" }, description: "Where the outcome is." },
      "Retry-After": { schema: { type: "integer", minimum: 1 }, description: "When to ask, in seconds." },
      "Preference-Applied": {
        schema: { type: "string" },
        description: "`respond-async` if it was asked for.",
      },
    },
    content: { "application/json": { schema } },
  };
}
