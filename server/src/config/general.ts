/** Settings of the program as a whole; each service declares its own beside its code. */
import { integer, oneOf, type Setting, secret, text, url } from "#platform/settings.ts";

export const generalSettings = {
  PARLEY_ROLES: oneOf("which roles this process runs", ["all"], "all"),
  PARLEY_DATA_DIR: text("where everything is kept that this machine keeps", "./data"),
  PARLEY_OPS_PORT: integer("TCP port of health, readiness and metrics; 0 takes any", 9464, {
    min: 0,
    max: 65535,
  }),
  PARLEY_LOG_LEVEL: oneOf("what is logged", ["debug", "info", "warn", "error", "silent"], "info"),
  PARLEY_SECRET_KEY: secretKey(),
};

export const databaseSettings = {
  DATABASE_URL: url(
    "PostgreSQL 15 or newer to use instead of the built-in one",
    ["postgres:", "postgresql:"],
    { secret: true },
  ),
  PARLEY_DATABASE_CONNECTIONS: integer("connections per service at the most", 10, { min: 2, max: 500 }),
  PARLEY_DATABASE_TIMEOUT_MS: integer("how long a statement, or waiting for a connection, may take", 5_000, {
    min: 100,
    max: 600_000,
  }),
};

export const redisSettings = {
  REDIS_URL: url(
    "Redis 7 or newer, or Valkey, that all processes of a cluster share",
    ["redis:", "rediss:"],
    {
      secret: true,
    },
  ),
};

function secretKey(): Setting<string | undefined> {
  const minBytes = 32;
  return {
    ...secret("32 random bytes in base64 that protect signing keys; made by itself without DATABASE_URL"),
    parse(value) {
      if (Buffer.from(value, "base64").length < minBytes)
        throw new Error("must be 32 bytes or more in base64");
      return value;
    },
  };
}
