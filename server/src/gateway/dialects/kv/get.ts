/** GET /get/<key> */
import { keyOf } from "#gateway/blobs/blob-key.ts";
import type { DialectRoute } from "#gateway/dialects/dialect.ts";
import { type KvParts, ownerContext } from "#gateway/dialects/kv/owner.ts";
import { fault } from "#platform/errors.ts";

export function getRoute(parts: KvParts): DialectRoute {
  const { config, values, places } = parts;
  return {
    method: "GET",
    template: "/get/{key}",
    // A key may hold slashes.
    path: "/get/*",
    access: "optional",
    hasOwnBounds: true,
    rate: "read",
    successor: "/v2/blobs/{key}",
    async serve(exchange) {
      const context = ownerContext(parts, exchange);
      const key = keyOf(exchange.request.raw.url!, "/get/");
      const { extension, size, read } = await values.find(key, context);
      if (size > config.PARLEY_KV_MAX_BYTES) {
        throw fault("too-large", { detail: "The value is too large for this API" });
      }
      await places.takeForAnswer(exchange, size);
      const bytes = await read();
      return { body: { key, extension, data: bytes.toString("base64") } };
    },
  };
}
