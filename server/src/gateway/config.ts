import { cacheSettings } from "#gateway/cache/config.ts";
import { dialectSettings } from "#gateway/dialects/config.ts";
import { socketSettings } from "#gateway/realtime/config.ts";
import { throttleSettings } from "#gateway/throttle/config.ts";
import { blobLimitSettings } from "#platform/blob-limits.ts";
import { messageTextSettings } from "#platform/message-text.ts";
import { integer, list, oneOf, text, url, type Values } from "#platform/settings.ts";
import { tokenSettings } from "#platform/token-settings.ts";

export const gatewaySettings = {
  ...socketSettings,
  PARLEY_HOST: text("the address to listen on; 0.0.0.0 for all", "127.0.0.1"),
  PARLEY_PORT: integer("TCP port of HTTP and WebSocket; 0 takes any", 8080, { min: 0, max: 65_535 }),
  PARLEY_GRPC_PORT: integer("TCP port of gRPC without TLS; 0 takes any", 9090, { min: 0, max: 65_535 }),
  PARLEY_CALL_TIMEOUT_MS: integer("how long a call may take", 10_000, { min: 100, max: 600_000 }),
  PARLEY_CALLER_MAX_UNDER_WAY: integer("calls of one user, or address, under way at once; more wait", 8, {
    min: 1,
    max: 10_000,
  }),
  PARLEY_CALLER_MAX_WAITING: integer("calls of one user, or address, that may wait for their turn", 1_000, {
    min: 0,
    max: 1_000_000,
  }),
  PARLEY_CALLER_MAX_TRANSFERS: integer(
    "uploads and downloads of one user at once; one more is refused",
    100,
    { min: 1, max: 100_000 },
  ),
  ...blobLimitSettings,
  ...messageTextSettings,
  PARLEY_MAX_BODY_BYTES: integer("largest request body", 1_048_576, { min: 1_024, max: 67_108_864 }),
  PARLEY_ALLOWED_ORIGINS: list("web origins, besides Parley's own, whose pages may call Parley", []),
  PARLEY_TRUSTED_PROXIES: list(
    "addresses or CIDRs of the proxies whose X-Forwarded-For and X-Forwarded-Proto are believed",
    [],
  ),
  PARLEY_SECURE_COOKIES: oneOf(
    "whether cookies are for HTTPS only; auto: when the request came by it",
    ["auto", "always"],
    "auto",
  ),
  ...throttleSettings,
  ...cacheSettings,
  ...dialectSettings,
  ...tokenSettings,
  PARLEY_TOKEN_TOLERANCE_S: integer("how far clocks may differ when an access token expires", 5, {
    min: 0,
    max: 300,
  }),
  PARLEY_EXTERNAL_JWKS_URL: url("JWKS of an outside token issuer that is accepted as well", [
    "https:",
    "http:",
  ]),
  PARLEY_EXTERNAL_ISSUER: text("issuer (iss) of the outside tokens", undefined),
  PARLEY_EXTERNAL_AUDIENCE: text("audience (aud) of the outside tokens", undefined),
};

export type GatewayConfig = Values<typeof gatewaySettings>;
