/** Sessions of messenger-v1: who is signed in by a session key. */
import { createHash } from "node:crypto";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import type { EndedSessions } from "#gateway/auth/ended-sessions.ts";
import type { Caller } from "#gateway/call.ts";
import type { Clock } from "#platform/clock.ts";
import { fault } from "#platform/errors.ts";
import type { Redis } from "#platform/redis.ts";

export interface SessionKeys {
  /** Rejects with "unauthenticated" when it is no key, or its session is over. */
  resolve(key: string): Promise<Caller>;
}

export interface SessionKeysOptions {
  identity: Pick<Client<typeof IdentityInternalService>, "resolveSessionKey">;
  endedSessions: Pick<EndedSessions, "has">;
  redis: Redis | undefined;
  clock: Clock;
  timeoutMs: number;
}

export function createSessionKeys({ identity, timeoutMs }: SessionKeysOptions): SessionKeys {
  return {
    async resolve(key) {
      if (!/^[0-9a-f]{32}$/.test(key))
        throw fault("unauthenticated", { detail: "The session id is not valid" });
      const keyHash = createHash("sha256").update(key).digest();
      const found = await identity.resolveSessionKey({ keyHash }, { timeoutMs });
      const { userId, sessionId, roles, expiresAt } = found;
      return { userId, sessionId, roles, tokenExpiresAt: expiresAt ? timestampMs(expiresAt) : 0 };
    },
  };
}
