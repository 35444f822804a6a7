/** Puts the dialects of a gateway together. */
import type { Authenticator } from "#gateway/auth/authenticate.ts";
import type { EndedSessions } from "#gateway/auth/ended-sessions.ts";
import type { RestCache } from "#gateway/cache/rest-caching.ts";
import type { Call } from "#gateway/call.ts";
import { type CallTurns, createCallTurns } from "#gateway/call-turns.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import type { GatewayConfig } from "#gateway/config.ts";
import { createDialects } from "#gateway/dialects/create-dialects.ts";
import { createBasicSignIn } from "#gateway/dialects/credentials/basic-sign-in.ts";
import { createCredentials } from "#gateway/dialects/credentials/credentials.ts";
import { createSessionKeys } from "#gateway/dialects/credentials/session-keys.ts";
import { createSignInToDialect } from "#gateway/dialects/credentials/sign-in.ts";
import { createDialectCalls } from "#gateway/dialects/dialect-calls.ts";
import { createDialectMetrics } from "#gateway/dialects/dialect-metrics.ts";
import type { DialectRoutesOptions } from "#gateway/dialects/register-dialects.ts";
import type { ClientAddresses } from "#gateway/http/client-address.ts";
import { createIsSecure } from "#gateway/http/client-origin.ts";
import type { Throttle } from "#gateway/throttle/throttle.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";
import type { Redis } from "#platform/redis.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface DialectSupportOptions {
  config: GatewayConfig;
  clients: GatewayClients;
  call: Call;
  authenticator: Authenticator;
  endedSessions: Pick<EndedSessions, "has">;
  addresses: ClientAddresses;
  throttle: Throttle;
  cache: RestCache | undefined;
  redis: Redis | undefined;
  transferTurns: CallTurns;
  clock: Clock;
  log: Log;
  telemetry: Telemetry;
}

export function createDialectSupport(options: DialectSupportOptions): DialectRoutesOptions {
  const { config, clients, authenticator, addresses, throttle } = options;
  const timeoutMs = config.PARLEY_CALL_TIMEOUT_MS;
  const calls = createDialectCalls(options.call, timeoutMs);
  const signIn = createSignInToDialect(throttle, clients.identity, calls);
  const sessionKeys = createSessionKeys({ ...options, identity: clients.identity, timeoutMs });
  // Not those of calls: who holds one of these may wait for one of those.
  const turns = createCallTurns({
    maxUnderWay: config.PARLEY_CALLER_MAX_UNDER_WAY,
    maxWaiting: config.PARLEY_CALLER_MAX_WAITING,
  });
  const basic = createBasicSignIn({ ...options, signIn, turns, timeoutMs });
  const credentials = createCredentials({ authenticator, sessionKeys, basic });
  const isSecure = createIsSecure(config, addresses);
  const dialects = createDialects({ ...options, ...calls, credentials, signIn, turns, isSecure });
  return {
    dialects,
    addresses,
    throttle,
    turns,
    timeoutMs,
    metrics: createDialectMetrics(
      options.telemetry,
      dialects.map(({ name }) => name),
    ),
  };
}
