/** The gateway: every client connection ends here, and every call goes from here to the services. */
import { AuthService, type SignInRequest } from "@parley/api/v2/auth";
import { MessengerService } from "@parley/api/v2/messenger";
import { createAdminMethods } from "#gateway/admin/admin-methods.ts";
import { createAuthenticator } from "#gateway/auth/authenticate.ts";
import { createEndedSessions } from "#gateway/auth/ended-sessions.ts";
import { createTokenVerifier } from "#gateway/auth/token-verifier.ts";
import { type StallLimits, stallLimits } from "#gateway/blobs/progress.ts";
import { createRestCache } from "#gateway/cache/create-rest-cache.ts";
import type { Overrides } from "#gateway/call.ts";
import { createCallObserver } from "#gateway/call-observer.ts";
import { callOptions } from "#gateway/call-options.ts";
import { createCallTurns } from "#gateway/call-turns.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import type { GatewayConfig } from "#gateway/config.ts";
import { createDialectEntrances } from "#gateway/dialects/dialect-entrances.ts";
import { createDialectSupport } from "#gateway/dialects/dialect-support.ts";
import { type GatewayPorts, openEntrances } from "#gateway/entrances.ts";
import { createOpenCall } from "#gateway/http/call-context.ts";
import { createClientAddresses } from "#gateway/http/client-address.ts";
import { createCors } from "#gateway/http/cors.ts";
import { createMemberChecks } from "#gateway/member-checks.ts";
import { createCall } from "#gateway/pipeline.ts";
import { createSocketServer } from "#gateway/realtime/socket-server.ts";
import { createRpcServer } from "#gateway/rpc/rpc.ts";
import { createSendGatherer } from "#gateway/send-gatherer.ts";
import { limitSignIn } from "#gateway/throttle/sign-in-limit.ts";
import { createThrottle, type Throttle } from "#gateway/throttle/throttle.ts";
import type { Bus } from "#platform/bus.ts";
import type { CircuitsView } from "#platform/circuit/circuits-view.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";
import type { Redis } from "#platform/redis.ts";
import type { Stamps } from "#platform/stamps/stamps.ts";
import { createStopList } from "#platform/stop-list.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface GatewayOptions {
  config: GatewayConfig;
  clients: GatewayClients;
  /** Those of the clients. */
  circuits: CircuitsView;
  bus: Bus;
  clock: Clock;
  log: Log;
  telemetry: Telemetry;
  /** Undefined: this gateway is the only one. */
  redis: Redis | undefined;
  /** Undefined: no answers are kept. */
  stamps?: Stamps | undefined;
  /** The folder of the web client's build; without one, there is no web client. */
  webRoot?: string;
  /** Of uploads and downloads; tests are less patient. */
  stallLimits?: StallLimits;
  bodyTimeoutMs?: number;
}

export interface Gateway {
  /** The signal stops a start that waits for identity. */
  start(signal?: AbortSignal): Promise<GatewayPorts>;
  /** Finishes what is in flight. Never throws. */
  stop(): Promise<void>;
}

/** Methods that need more than their service's client. */
function createOverrides(
  { config, clients, circuits, clock, telemetry }: GatewayOptions,
  throttle: Throttle,
): Overrides {
  const gatherer = createSendGatherer({
    messenger: clients.messengerInternal,
    maxSends: config.PARLEY_SEND_GATHER_MAX,
    timeoutMs: config.PARLEY_CALL_TIMEOUT_MS,
    telemetry,
  });
  const signIn = limitSignIn(
    throttle,
    ({ email }: SignInRequest) => email,
    (request, context) => clients.auth.signIn(request, callOptions(context)),
  );
  return new Map([
    ...createMemberChecks(clients),
    ...createAdminMethods({ circuits, clock, clients }),
    [MessengerService.method.sendMessage, gatherer.send],
    [AuthService.method.signIn, signIn],
  ]);
}

export function createGateway(options: GatewayOptions): Gateway {
  const { config, clients, bus, clock, log, stamps, webRoot } = options;
  const endedSessions = createEndedSessions({ identity: clients.identity, bus, log });
  const authenticator = createAuthenticator({
    verifyToken: createTokenVerifier({ config, clients, clock }),
    endedSessions,
    clock,
    toleranceS: config.PARLEY_TOKEN_TOLERANCE_S,
  });
  const addresses = createClientAddresses(config.PARLEY_TRUSTED_PROXIES);
  const throttle = createThrottle(options);
  const turns = createCallTurns({
    maxUnderWay: config.PARLEY_CALLER_MAX_UNDER_WAY,
    maxWaiting: config.PARLEY_CALLER_MAX_WAITING,
  });
  const call = createCall({
    clients,
    overrides: createOverrides(options, throttle),
    timeoutMs: config.PARLEY_CALL_TIMEOUT_MS,
    turns,
    throttle,
  });
  const observer = createCallObserver(options.telemetry, log);
  const openCall = createOpenCall(authenticator, addresses, throttle);
  const rpc = createRpcServer({
    call,
    openCall,
    maxBodyBytes: config.PARLEY_MAX_BODY_BYTES,
    timeoutMs: config.PARLEY_CALL_TIMEOUT_MS,
    observer,
    log,
  });
  const cors = createCors(config.PARLEY_ALLOWED_ORIGINS);
  const cache = stamps && createRestCache({ ...options, stamps });
  const transferTurns = createCallTurns({ maxUnderWay: config.PARLEY_CALLER_MAX_TRANSFERS, maxWaiting: 0 });
  const dialects = createDialectSupport({
    ...options,
    call,
    authenticator,
    endedSessions,
    addresses,
    throttle,
    cache,
    transferTurns,
  });
  const sockets = createSocketServer({
    entrances: createDialectEntrances(dialects),
    config,
    clients,
    identity: clients.identity,
    call,
    authenticator,
    endedSessions,
    addresses,
    throttle,
    bus,
    redis: options.redis,
    clock,
    log,
    observer,
    callTimeoutMs: config.PARLEY_CALL_TIMEOUT_MS,
    tokenToleranceMs: config.PARLEY_TOKEN_TOLERANCE_S * 1_000,
  });
  const bytes = {
    clients,
    openCall,
    turns,
    transferTurns,
    timeoutMs: config.PARLEY_CALL_TIMEOUT_MS,
    maxBlobBytes: config.PARLEY_BLOB_MAX_BYTES,
    limits: options.stallLimits ?? stallLimits,
  };
  const stops = createStopList(log);

  return {
    async start(signal) {
      stops.add("ended sessions", async () => endedSessions.stop());
      stops.add("rate limits", async () => throttle.stop());
      await endedSessions.start(signal);
      const entrances = {
        call,
        openCall,
        bytes,
        dialects,
        cache,
        rpc,
        cors,
        sockets,
        addresses,
        webRoot,
        observer,
        log,
      };
      const { bodyTimeoutMs } = options;
      const patience = bodyTimeoutMs === undefined ? {} : { bodyTimeoutMs };
      return openEntrances({ ...entrances, ...patience, config }, stops);
    },
    stop: () => stops.run(),
  };
}
