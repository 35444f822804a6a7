/** A binary key-value store: values in base64. */
import { keyOf } from "#gateway/blobs/blob-key.ts";
import type { CallContext } from "#gateway/call.ts";
import type { Dialect, DialectExchange, DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { optionalText, requiredText } from "#gateway/dialects/fields.ts";
import { decodeBase64 } from "#gateway/dialects/kv/base64.ts";
import { toAnswer } from "#gateway/dialects/kv/errors.ts";
import { checkExtension } from "#gateway/dialects/kv/extensions.ts";
import { openApi } from "#gateway/dialects/kv/openapi.ts";
import { createPlaces } from "#gateway/dialects/kv/places.ts";
import { createValues } from "#gateway/dialects/kv/values.ts";
import { fault, invalidInput } from "#platform/errors.ts";

/** Whose the values of anonymous callers are. No account has this id. */
const nobody = "00000000-0000-0000-0000-000000000000";

export function createKv(parts: DialectParts): Dialect {
  const { config, clients, credentials } = parts;
  const values = createValues(clients, config.PARLEY_CALL_TIMEOUT_MS);
  const places = createPlaces(parts);
  const isPublic = config.PARLEY_KV_PUBLIC === "true";

  function ownerContext({ context }: DialectExchange): CallContext {
    if (context.caller) return context;
    if (!isPublic) throw fault("unauthenticated");
    return { ...context, caller: { userId: nobody, sessionId: "", roles: [], tokenExpiresAt: 0 } };
  }

  const put: Omit<DialectRoute, "path"> = {
    method: "POST",
    template: "/put/",
    access: "optional",
    hasOwnBounds: true,
    rate: "write",
    successor: "/v2/blobs/{key}",
    maxBodyBytes: places.maxBodyBytes,
    async admit(exchange) {
      ownerContext(exchange);
      await places.takeForBody(exchange);
    },
    async serve(exchange) {
      const json = exchange.json();
      const { data } = json;
      if (typeof data !== "string") throw invalidInput("data", "must be a text in base64");
      const key = requiredText(json, "key");
      const extension = checkExtension(optionalText(json, "extension"));
      const bytes = decodeBase64(data, "data");
      if (bytes.length > config.PARLEY_KV_MAX_BYTES) throw fault("too-large");
      await values.put({ key, extension, bytes }, ownerContext(exchange));
      return { body: { msg: "stored" } };
    },
  };

  const get: Omit<DialectRoute, "path"> = {
    method: "GET",
    template: "/get/{key}",
    access: "optional",
    hasOwnBounds: true,
    rate: "read",
    successor: "/v2/blobs/{key}",
    async serve(exchange) {
      const context = ownerContext(exchange);
      const key = keyOf(exchange.request.raw.url!, "/get/");
      const value = await values.find(key, context);
      if (value.size > config.PARLEY_KV_MAX_BYTES) {
        throw fault("too-large", { detail: "The value is too large for this API" });
      }
      await places.takeForAnswer(exchange, value.size);
      const bytes = await value.read();
      return { body: { key, extension: value.extension, data: bytes.toString("base64") } };
    },
  };

  return {
    name: "kv",
    routes: [
      { ...put, path: "/put/" },
      { ...put, path: "/put" },
      { ...get, path: "/get/*" },
      { ...get, path: "/get" },
    ],
    identify: credentials.ofAny,
    toAnswer,
    openApi,
  };
}
