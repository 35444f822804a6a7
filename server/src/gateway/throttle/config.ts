import { rateLimit } from "#gateway/throttle/rate-limit.ts";
import { integer, oneOf, type Values } from "#platform/settings.ts";

export const throttleSettings = {
  PARLEY_THROTTLING: oneOf(
    "whether rates of calls are limited; off: a proxy in front does it",
    ["on", "off"],
    "on",
  ),
  PARLEY_LIMIT_READ: rateLimit("calls of one user that only read", "50/s burst 500"),
  PARLEY_LIMIT_WRITE: rateLimit("calls of one user that change something, except sends", "30/s burst 300"),
  PARLEY_LIMIT_SEND: rateLimit("messages of one user", "100/s burst 1000"),
  PARLEY_LIMIT_LOOKUP: rateLimit("searches of one user for other users", "3/s burst 60"),
  PARLEY_LIMIT_SEARCH: rateLimit("searches of one user for messages, at once or as tasks", "5/s burst 100"),
  PARLEY_LIMIT_SOCKET: rateLimit("tickets for and openings of WebSockets of one user", "2/s burst 200"),
  PARLEY_LIMIT_SIGN_IN: rateLimit("sign-ins from one address", "1/s burst 30"),
  PARLEY_LIMIT_SIGN_UP: rateLimit("sign-ups from one address", "10/min burst 20"),
  PARLEY_LIMIT_ACCOUNT: rateLimit(
    "failed sign-ins of one account, from addresses that are new to it",
    "10/min burst 20",
  ),
  PARLEY_LIMIT_ADDRESS: rateLimit(
    "all other calls from one address that no user is known of, wrong tokens included",
    "100/s burst 1000",
  ),
  PARLEY_LIMIT_MESSENGER_V1: rateLimit("requests of one user to the old API messenger-v1", "100/s burst 100"),
  PARLEY_THROTTLE_MAX_BUCKETS: integer("users, or addresses, that each limit keeps in mind", 50_000, {
    min: 100,
    max: 10_000_000,
  }),
};

export type ThrottleConfig = Values<typeof throttleSettings>;
