/** A binary key-value store: values in base64. See docs/old-apis/kv.md. */
import type { Dialect, DialectParts } from "#gateway/dialects/dialect.ts";
import { toAnswer } from "#gateway/dialects/kv/errors.ts";
import { getRoute } from "#gateway/dialects/kv/get.ts";
import { openApi } from "#gateway/dialects/kv/openapi.ts";
import { createPlaces } from "#gateway/dialects/kv/places.ts";
import { putRoute } from "#gateway/dialects/kv/put.ts";
import { createValues } from "#gateway/dialects/kv/values.ts";

export function createKv(parts: DialectParts): Dialect {
  const { config, credentials } = parts;
  const kvParts = {
    config,
    values: createValues(parts),
    places: createPlaces(parts),
  };
  const [put, get] = [putRoute(kvParts), getRoute(kvParts)];
  return {
    name: "kv",
    basePaths: ["/put", "/get"],
    routes: [put, { ...put, path: "/put" }, get, { ...get, path: "/get" }],
    identify: credentials.ofAny,
    toAnswer,
    openApi,
  };
}
