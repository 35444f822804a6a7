/** What the handlers of identity are made of. */
import type { AccessTokens } from "#identity/access-token.ts";
import type { IdentityConfig } from "#identity/config.ts";
import type { PasswordHashing } from "#identity/password-hashing.ts";
import type { RefreshTokens } from "#identity/refresh-token.ts";
import type { SigningKeys } from "#identity/signing-keys.ts";
import type { IdentityStore } from "#identity/store.ts";
import type { Bus } from "#platform/bus.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";
import type { Stamps } from "#platform/stamps/stamps.ts";

export interface IdentityParts {
  readonly config: IdentityConfig;
  readonly store: IdentityStore;
  readonly passwords: PasswordHashing;
  readonly refreshTokens: RefreshTokens;
  readonly accessTokens: AccessTokens;
  readonly signingKeys: SigningKeys;
  readonly bus: Bus;
  readonly stamps: Stamps;
  readonly clock: Clock;
  readonly log: Log;
}
