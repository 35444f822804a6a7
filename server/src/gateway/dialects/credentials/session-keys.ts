/** Sessions of messenger-v1: who is signed in by a session key. Identity knows; what it said lately is kept in a fast store. */
import { hash } from "node:crypto";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import type { EndedSessions } from "#gateway/auth/ended-sessions.ts";
import type { Caller } from "#gateway/call.ts";
import {
  createMemoryKeyStore,
  createRedisKeyStore,
} from "#gateway/dialects/credentials/session-key-store.ts";
import type { Clock } from "#platform/clock.ts";
import { fault } from "#platform/errors.ts";
import type { Redis } from "#platform/redis.ts";

export interface SessionKeys {
  /** Rejects with "unauthenticated" when it is no key, or its session is over. */
  resolve(key: string): Promise<Caller>;
  /** Its session has been ended: identity is asked from now on. Never rejects. */
  forget(key: string): Promise<void>;
}

export interface SessionKeysOptions {
  identity: Pick<Client<typeof IdentityInternalService>, "resolveSessionKey">;
  endedSessions: Pick<EndedSessions, "has">;
  redis: Redis | undefined;
  clock: Clock;
  timeoutMs: number;
}

/**
 * Shorter than identity lists a session that has ended (more than clockSkewMs): whatever was kept of one is gone
 * before the list forgets it.
 */
const keptForMs = 300_000;

export function createSessionKeys(options: SessionKeysOptions): SessionKeys {
  const { identity, endedSessions, redis, clock, timeoutMs } = options;
  const store = redis ? createRedisKeyStore(redis) : createMemoryKeyStore(clock);
  const underWay = new Map<string, Promise<Caller>>();

  /** A client's many requests at once ask once. */
  function ask(key: string, keyHash: string): Promise<Caller> {
    const known = underWay.get(keyHash);
    if (known) return known;
    const isCurrent = () => underWay.get(keyHash) === asked;
    const asked: Promise<Caller> = load(key, keyHash, isCurrent).finally(() => {
      if (isCurrent()) underWay.delete(keyHash);
    });
    underWay.set(keyHash, asked);
    return asked;
  }

  async function load(key: string, keyHash: string, isCurrent: () => boolean): Promise<Caller> {
    const askedAtMs = clock.now();
    const found = await identity.resolveSessionKey({ keyHash: hash("sha256", key, "buffer") }, { timeoutMs });
    const { userId, sessionId, roles, expiresAt } = found;
    const caller = { userId, sessionId, roles, tokenExpiresAt: expiresAt ? timestampMs(expiresAt) : 0 };
    // Counted from when it was asked for: it may have ended since.
    const lifeMs = Math.min(askedAtMs + keptForMs, caller.tokenExpiresAt) - clock.now();
    if (lifeMs > 0 && isCurrent()) store.set(keyHash, caller, lifeMs);
    return caller;
  }

  return {
    async resolve(key) {
      if (!/^[0-9a-f]{32}$/.test(key)) throw refused("The session id is not valid");
      const keyHash = hash("sha256", key, "base64url");
      const caller = (await store.get(keyHash)) ?? (await ask(key, keyHash));
      if (clock.now() >= caller.tokenExpiresAt || endedSessions.has(caller.sessionId))
        throw refused("This session has ended");
      return caller;
    },
    async forget(key) {
      const keyHash = hash("sha256", key, "base64url");
      underWay.delete(keyHash);
      await store.delete(keyHash);
    },
  };
}

const refused = (detail: string) => fault("unauthenticated", { detail });
