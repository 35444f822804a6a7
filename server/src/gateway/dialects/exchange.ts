import type { FastifyReply, FastifyRequest } from "fastify";
import type { CallContext } from "#gateway/call.ts";
import type { DialectExchange, JsonObject } from "#gateway/dialects/dialect.ts";
import { queryOf } from "#gateway/dialects/query.ts";
import { parseJsonBytes } from "#gateway/json/json-decoder.ts";
import { fault } from "#platform/errors.ts";

export function toExchange(
  request: FastifyRequest,
  { raw: response }: Pick<FastifyReply, "raw">,
  context: CallContext,
): DialectExchange {
  const json = () => readJson(request.body as Buffer | undefined);
  return {
    request,
    path: request.params as Record<string, string>,
    query: queryOf(request),
    context,
    get caller() {
      if (!context.caller) throw fault("unauthenticated");
      return context.caller;
    },
    json,
    form() {
      const type = request.headers["content-type"] ?? "";
      if (/^application\/x-www-form-urlencoded\b/i.test(type)) {
        return new URLSearchParams((request.body as Buffer | undefined)?.toString("utf8") ?? "");
      }
      const texts = Object.entries(json()).filter(([, value]) => typeof value === "string");
      return new URLSearchParams(texts as [string, string][]);
    },
    onClosed(listener) {
      if (response.destroyed) listener();
      else response.once("close", listener);
    },
  };
}

/** Old clients do not always say that it is JSON. */
function readJson(bytes: Buffer | undefined): JsonObject {
  const value = bytes && bytes.length > 0 ? parseJsonBytes(bytes) : undefined;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fault("malformed-request", { detail: "The body must be a JSON object" });
  }
  return value;
}
