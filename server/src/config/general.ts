/** Settings of the program as a whole; each service declares its own beside its code. */
import { type Role, roleNames, type ServiceName } from "#config/roles.ts";
import { integer, oneOf, type Setting, secret, text, url } from "#platform/settings.ts";

export const generalSettings = {
  PARLEY_ROLES: roles(),
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

export const jobSettings = {
  AMQP_URL: url(
    "RabbitMQ 3.10 or newer to carry jobs instead of the database; they are kept there until it has them",
    ["amqp:", "amqps:"],
    { secret: true },
  ),
  PARLEY_JOBS_MAX_WAITING: integer("jobs of one service that may wait; one more is refused", 100_000, {
    min: 10,
    max: 10_000_000,
  }),
};

/** For a Parley whose roles are spread over processes. */
export const serviceSettings = {
  PARLEY_SERVICE_PORT: integer(
    "TCP port on which this process serves its roles to others; 0 takes any",
    9091,
    {
      min: 0,
      max: 65_535,
    },
  ),
  PARLEY_SERVICE_TOKEN: serviceTokens(),
  PARLEY_IDENTITY_URL: serviceUrls("identity"),
  PARLEY_MESSENGER_URL: serviceUrls("messenger"),
  PARLEY_DISPATCH_URL: serviceUrls("dispatch"),
  PARLEY_SEARCH_URL: serviceUrls("search"),
  PARLEY_BLOBS_URL: serviceUrls("blobs"),
};

/** "all", or some of them. */
function roles(): Setting<readonly Role[]> {
  return {
    about: `which roles this process runs: all, or some of ${roleNames.join(",")}`,
    secret: false,
    default: roleNames,
    defaultText: "all",
    parse(value) {
      if (value === "all") return roleNames;
      const named = value.split(",").map((name) => name.trim());
      const unknown = named.find((name) => !roleNames.includes(name as Role));
      if (unknown !== undefined)
        throw new Error(`has "${unknown}", but the roles are all, ${roleNames.join(", ")}`);
      return roleNames.filter((role) => named.includes(role));
    },
  };
}

const minTokenChars = 32;

function serviceTokens(): Setting<readonly string[]> {
  return {
    about:
      "secret that all processes of a Parley with roles apart share; a second one, after a comma, is accepted too",
    secret: true,
    default: [],
    defaultText: "",
    parse(value) {
      const tokens = value.split(",").map((token) => token.trim());
      if (tokens.some((token) => token.length < minTokenChars)) {
        throw new Error(`must have ${minTokenChars} characters or more: openssl rand -base64 32`);
      }
      return tokens;
    },
  };
}

function serviceUrls(service: ServiceName): Setting<readonly string[]> {
  return {
    about: `where ${service} is found, if not in this process: URLs, as http://host:9091, separated by commas`,
    secret: false,
    default: [],
    defaultText: "",
    parse(value) {
      const urls = value.split(",").map((url) => url.trim());
      const isUrl = (url: string) => /^https?:$/.test(URL.parse(url)?.protocol ?? "");
      if (!urls.every(isUrl)) throw new Error("must be URLs that start with http:// or https://");
      // They are shown by check-config and in metrics; what proves a call is PARLEY_SERVICE_TOKEN.
      if (urls.some((url) => URL.parse(url)?.username)) throw new Error("must not hold a user or a password");
      return urls;
    },
  };
}

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
