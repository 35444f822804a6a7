/** Identity: users, passwords, sessions, tokens, signing keys. */
import { fileURLToPath } from "node:url";
import { IdentityInternalService } from "@parley/api/internal/identity";
import { AuthService } from "@parley/api/v2/auth";
import { UserService } from "@parley/api/v2/user";
import { createAccessTokens } from "#identity/access-token.ts";
import type { IdentityConfig } from "#identity/config.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { createPasswordHashing, warnOfWeakHashing } from "#identity/password-hashing.ts";
import { createRefreshTokens } from "#identity/refresh-token.ts";
import { createWsTicket } from "#identity/rpc/create-ws-ticket.ts";
import { findAccounts } from "#identity/rpc/find-accounts.ts";
import { findMissingUsers } from "#identity/rpc/find-missing-users.ts";
import { getJwks } from "#identity/rpc/get-jwks.ts";
import { getUser } from "#identity/rpc/get-user.ts";
import { listAccounts } from "#identity/rpc/list-accounts.ts";
import { listEndedSessions } from "#identity/rpc/list-ended-sessions.ts";
import { listSessions } from "#identity/rpc/list-sessions.ts";
import { listUsers } from "#identity/rpc/list-users.ts";
import { getMe, updateMe } from "#identity/rpc/own-profile.ts";
import { redeemWsTicket } from "#identity/rpc/redeem-ws-ticket.ts";
import { refresh } from "#identity/rpc/refresh.ts";
import { registerAccount } from "#identity/rpc/register-account.ts";
import { resolveExternalUser } from "#identity/rpc/resolve-external-user.ts";
import { resolveSessionKey } from "#identity/rpc/resolve-session-key.ts";
import { revokeSession } from "#identity/rpc/revoke-session.ts";
import { rotateSigningKey } from "#identity/rpc/rotate-signing-key.ts";
import { signIn } from "#identity/rpc/sign-in.ts";
import { signOut } from "#identity/rpc/sign-out.ts";
import { signUp } from "#identity/rpc/sign-up.ts";
import { startSession } from "#identity/rpc/start-session.ts";
import { updateAccount } from "#identity/rpc/update-account.ts";
import { createPrivateKeySealer } from "#identity/sealed-private-key.ts";
import { createSigningKeys } from "#identity/signing-keys.ts";
import { createStore } from "#identity/store.ts";
import { createSweeper } from "#identity/sweep.ts";
import type { Bus } from "#platform/bus.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import type { Service } from "#platform/service.ts";
import { noStamps, type Stamps } from "#platform/stamps/stamps.ts";

export interface IdentityOptions {
  config: IdentityConfig;
  database: Database;
  bus: Bus;
  /** Changed before a change is acknowledged; without them, nobody may keep answers. */
  stamps?: Stamps;
  clock: Clock;
  log: Log;
  /** The master secret, 32 bytes or more, the same for all pods: seals signing keys and makes refresh tokens. */
  secretKey: Uint8Array;
}

export const migrationsFolder = fileURLToPath(new URL("migrations", import.meta.url));

const minSecretBytes = 32;

export function createIdentity(options: IdentityOptions): Service {
  if (options.secretKey.length < minSecretBytes) {
    throw new Error(`the master secret must have at least ${minSecretBytes} bytes`);
  }
  const parts = createParts(options);
  const sweeper = createSweeper(parts);
  return {
    name: "identity",
    routes(router) {
      router.service(AuthService, {
        signUp: signUp(parts),
        signIn: signIn(parts),
        refresh: refresh(parts),
        signOut: signOut(parts),
        listSessions: listSessions(parts),
        revokeSession: revokeSession(parts),
        getJwks: getJwks(parts),
        createWsTicket: createWsTicket(parts),
      });
      router.service(UserService, {
        getMe: getMe(parts),
        updateMe: updateMe(parts),
        listUsers: listUsers(parts),
        getUser: getUser(parts),
      });
      router.service(IdentityInternalService, {
        redeemWsTicket: redeemWsTicket(parts),
        resolveExternalUser: resolveExternalUser(parts),
        findMissingUsers: findMissingUsers(parts),
        rotateSigningKey: rotateSigningKey(parts),
        listEndedSessions: listEndedSessions(parts),
        registerAccount: registerAccount(parts),
        startSession: startSession(parts),
        resolveSessionKey: resolveSessionKey(parts),
        listAccounts: listAccounts(parts),
        findAccounts: findAccounts(parts),
        updateAccount: updateAccount(parts),
      });
    },
    async start() {
      warnOfWeakHashing(options.config, options.log);
      await migrate(options.database, "identity", migrationsFolder, options.log);
      await parts.signingKeys.start();
      sweeper.start();
    },
    async stop() {
      await sweeper.stop();
      await parts.passwords.stop();
    },
  };
}

/** Exported for tests that put a part of their own in the place of one. */
export function createParts(options: IdentityOptions): IdentityParts {
  const { config, database, bus, stamps = noStamps, clock, log, secretKey } = options;
  const store = createStore(database);
  const sealer = createPrivateKeySealer(secretKey);
  const signingKeys = createSigningKeys({ config, store: store.signingKeys, sealer, clock, log });
  return {
    config,
    store,
    passwords: createPasswordHashing(config),
    refreshTokens: createRefreshTokens(secretKey),
    accessTokens: createAccessTokens({ config, keys: signingKeys, clock }),
    signingKeys,
    bus,
    stamps,
    clock,
    log,
  };
}
