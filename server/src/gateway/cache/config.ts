import { integer, oneOf } from "#platform/settings.ts";

export const cacheSettings = {
  PARLEY_CACHE: oneOf(
    "whether answers to GET are kept; auto: with REDIS_URL or without DATABASE_URL, on: also if this process alone uses DATABASE_URL",
    ["auto", "on", "off"],
    "auto",
  ),
  PARLEY_CACHE_MAX_BYTES: integer("answers kept in memory, in bytes", 67_108_864, {
    min: 1_048_576,
    max: 17_179_869_184,
  }),
  PARLEY_CACHE_TTL_MS: integer("how long an answer may be kept that nothing has changed", 30_000, {
    min: 100,
    max: 600_000,
  }),
  PARLEY_CACHE_STALE_MS: integer(
    "how old an answer may be that is given when the service is away; 0: none",
    300_000,
    {
      min: 0,
      max: 3_600_000,
    },
  ),
};
