import { parseEmail } from "#identity/email.ts";
import { integer, list, type Setting, type Values } from "#platform/settings.ts";
import { tokenSettings } from "#platform/token-settings.ts";

const secondsPerDay = 86_400;

export const identitySettings = {
  ...tokenSettings,
  PARLEY_ACCESS_TOKEN_SECONDS: integer("how long an access token is valid, in seconds", 600, {
    min: 30,
    max: secondsPerDay,
  }),
  PARLEY_REFRESH_TOKEN_DAYS: integer("days without a refresh after which a session expires", 30, {
    min: 1,
    max: 3_650,
  }),
  PARLEY_SESSION_MAX_DAYS: integer("days after which a session expires however often it is refreshed", 365, {
    min: 1,
    max: 3_650,
  }),
  PARLEY_REFRESH_GRACE_SECONDS: integer(
    "how long the last refresh token can be tried again when its answer was lost, in seconds",
    10,
    { min: 0, max: 300 },
  ),
  PARLEY_SESSIONS_PER_USER: integer("live sessions of one user; one more ends the longest unused", 100, {
    min: 1,
    max: 10_000,
  }),
  PARLEY_WS_TICKET_SECONDS: integer("how long a WebSocket ticket is valid, in seconds", 30, {
    min: 5,
    max: 300,
  }),
  PARLEY_SIGNING_KEY_DAYS: integer("days after which access tokens are signed with a new key", 30, {
    min: 1,
    max: 3_650,
  }),
  PARLEY_SIGNING_KEY_LEAD_SECONDS: integer(
    "how long a new signing key is published before it is used, in seconds",
    600,
    { min: 0, max: secondsPerDay / 2 },
  ),
  PARLEY_ARGON2_MEMORY_KIB: integer("memory of one password hash, in KiB", 19_456, {
    min: 8,
    max: 4_194_304,
  }),
  PARLEY_ARGON2_PASSES: integer("passes of one password hash over its memory", 2, { min: 1, max: 100 }),
  PARLEY_ARGON2_LANES: integer("threads of one password hash", 1, { min: 1, max: 64 }),
  PARLEY_PASSWORD_HASH_CONCURRENCY: integer("password hashes computed at the same time", 2, {
    min: 1,
    max: 64,
  }),
  PARLEY_PASSWORD_HASH_QUEUE: integer("password hashes that may wait for their turn", 100, {
    min: 0,
    max: 100_000,
  }),
  PARLEY_ADMIN_EMAILS: emails(
    "addresses whose users have the role admin; sign up under them before others can reach the server",
  ),
  PARLEY_PAID_EMAILS: emails(
    "addresses whose users have the role paid: texts of theirs may go to providers that cost",
  ),
  PARLEY_IDENTITY_SWEEP_SECONDS: integer(
    "pause between removals of expired sessions, tickets and keys, in seconds",
    60,
    { min: 1, max: 3_600 },
  ),
};

/** An address with a slip of the pen must not wait unseen for a user who cannot be there. */
function emails(about: string): Setting<string[]> {
  const setting = list(about, []);
  return {
    ...setting,
    parse(value) {
      const addresses = setting.parse(value);
      const wrong = addresses.find((address) => !parseEmail(address));
      if (wrong) throw new Error(`must be email addresses separated by commas; ${wrong} is none`);
      return addresses;
    },
  };
}

export type IdentityConfig = Values<typeof identitySettings>;

/** How far clocks may differ: what a gateway can be set to tolerate at the most (PARLEY_TOKEN_TOLERANCE_S). */
export const clockSkewMs = 300_000;

/** For so long after a session's end may an access token of it be unexpired. */
export function endedSessionWindowMs(config: IdentityConfig): number {
  return config.PARLEY_ACCESS_TOKEN_SECONDS * 1_000 + clockSkewMs;
}
