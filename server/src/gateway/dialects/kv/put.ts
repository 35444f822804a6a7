/** POST /put/ */
import type { DialectRoute, JsonObject } from "#gateway/dialects/dialect.ts";
import { optionalText, requiredText } from "#gateway/dialects/fields.ts";
import { decodeBase64 } from "#gateway/dialects/kv/base64.ts";
import { checkExtension } from "#gateway/dialects/kv/extensions.ts";
import { type KvParts, ownerContext } from "#gateway/dialects/kv/owner.ts";
import type { Value } from "#gateway/dialects/kv/values.ts";
import { fault, invalidInput } from "#platform/errors.ts";

export function putRoute(parts: KvParts): DialectRoute {
  const { config, values, places } = parts;
  return {
    method: "POST",
    template: "/put/",
    access: "optional",
    hasOwnBounds: true,
    rate: "write",
    successor: "/v2/blobs/{key}",
    maxBodyBytes: places.maxBodyBytes,
    async admit(exchange) {
      ownerContext(parts, exchange);
      await places.takeForBody(exchange);
    },
    async serve(exchange) {
      const value = readValue(exchange.json());
      if (value.bytes.length > config.PARLEY_KV_MAX_BYTES) throw fault("too-large");
      await values.put(value, ownerContext(parts, exchange));
      return { body: { msg: "stored" } };
    },
  };
}

function readValue(json: JsonObject): Value {
  const { data } = json;
  // It may be empty, but not be missing.
  if (typeof data !== "string") throw invalidInput("data", "must be a text in base64");
  return {
    key: requiredText(json, "key"),
    extension: checkExtension(optionalText(json, "extension")),
    bytes: decodeBase64(data, "data"),
  };
}
