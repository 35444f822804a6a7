/** The gateway: every client connection ends here, and every call goes from here to the services. */
import { MessengerService } from "@parley/api/v2/messenger";
import { createAuthenticator } from "#gateway/auth/authenticate.ts";
import { createEndedSessions } from "#gateway/auth/ended-sessions.ts";
import { createTokenVerifier } from "#gateway/auth/token-verifier.ts";
import type { Overrides } from "#gateway/call.ts";
import { createCallObserver } from "#gateway/call-observer.ts";
import { createCallTurns } from "#gateway/call-turns.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import type { GatewayConfig } from "#gateway/config.ts";
import { createOpenCall } from "#gateway/http/call-context.ts";
import { createClientAddresses } from "#gateway/http/client-address.ts";
import { createCors } from "#gateway/http/cors.ts";
import { createHttpApp } from "#gateway/http/http-app.ts";
import { closeHttpServer, createGrpcServer } from "#gateway/http/http-server.ts";
import { createMemberChecks } from "#gateway/member-checks.ts";
import { createCall } from "#gateway/pipeline.ts";
import { createSocketServer } from "#gateway/realtime/socket-server.ts";
import { createRpcServer } from "#gateway/rpc/rpc.ts";
import { createSendGatherer } from "#gateway/send-gatherer.ts";
import type { Bus } from "#platform/bus.ts";
import type { Clock } from "#platform/clock.ts";
import { listen } from "#platform/listen.ts";
import type { Log } from "#platform/log.ts";
import type { Redis } from "#platform/redis.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface GatewayDependencies {
  config: GatewayConfig;
  clients: GatewayClients;
  bus: Bus;
  clock: Clock;
  log: Log;
  telemetry: Telemetry;
  /** Undefined: this gateway is the only one. */
  redis: Redis | undefined;
  /** The folder of the web client's build; without one, there is no web client. */
  webRoot?: string;
}

export interface Gateway {
  start(): Promise<{ httpPort: number; grpcPort: number }>;
  /** Finishes what is in flight. Never throws. */
  stop(): Promise<void>;
}

const stopGraceMs = 5_000;

/** Methods that need more than their service's client. */
function createOverrides({ config, clients, telemetry }: GatewayDependencies): Overrides {
  const gatherer = createSendGatherer({
    messenger: clients.messengerInternal,
    maxSends: config.PARLEY_SEND_GATHER_MAX,
    timeoutMs: config.PARLEY_CALL_TIMEOUT_MS,
    telemetry,
  });
  return new Map([...createMemberChecks(clients), [MessengerService.method.sendMessage, gatherer.send]]);
}

export function createGateway(dependencies: GatewayDependencies): Gateway {
  const { config, clients, bus, clock, log, webRoot } = dependencies;
  const endedSessions = createEndedSessions({ identity: clients.identity, bus, log });
  const authenticator = createAuthenticator({
    verifyToken: createTokenVerifier({ config, clients, clock }),
    endedSessions,
    clock,
    toleranceS: config.PARLEY_TOKEN_TOLERANCE_S,
  });
  const addresses = createClientAddresses(config.PARLEY_TRUSTED_PROXIES);
  const call = createCall({
    clients,
    overrides: createOverrides(dependencies),
    timeoutMs: config.PARLEY_CALL_TIMEOUT_MS,
    turns: createCallTurns({
      maxUnderWay: config.PARLEY_CALLER_MAX_UNDER_WAY,
      maxWaiting: config.PARLEY_CALLER_MAX_WAITING,
    }),
  });
  const observer = createCallObserver(dependencies.telemetry, log);
  const openCall = createOpenCall(authenticator, addresses);
  const rpc = createRpcServer({
    call,
    openCall,
    maxBodyBytes: config.PARLEY_MAX_BODY_BYTES,
    timeoutMs: config.PARLEY_CALL_TIMEOUT_MS,
    observer,
    log,
  });
  const cors = createCors(config.PARLEY_ALLOWED_ORIGINS);
  const sockets = createSocketServer({
    config,
    clients,
    identity: clients.identity,
    call,
    authenticator,
    endedSessions,
    addresses,
    bus,
    clock,
    log,
    observer,
    callTimeoutMs: config.PARLEY_CALL_TIMEOUT_MS,
    tokenToleranceMs: config.PARLEY_TOKEN_TOLERANCE_S * 1_000,
  });
  const stops: (() => Promise<void>)[] = [];

  return {
    async start() {
      stops.push(async () => endedSessions.stop());
      await endedSessions.start();
      const app = await createHttpApp({
        call,
        openCall,
        rpc,
        cors,
        isSecure: ({ raw }) =>
          config.PARLEY_SECURE_COOKIES === "always" ||
          addresses.isSecure(raw.socket.remoteAddress, raw.headers),
        maxBodyBytes: config.PARLEY_MAX_BODY_BYTES,
        webRoot,
        observer,
        log,
      });
      stops.push(app.close);
      app.server.on("upgrade", (request, socket, head) => sockets.handleUpgrade(request, socket, head));
      stops.push(() => closeHttpServer(app.server, stopGraceMs));
      // Stopped before the server, which stays open as long as its sockets do.
      stops.push(() => sockets.stop());
      await sockets.start();
      const grpc = createGrpcServer(rpc);
      stops.push(() => grpc.close(stopGraceMs));
      const { PARLEY_HOST: host } = config;
      const httpPort = await listen(app.server, { host, port: config.PARLEY_PORT, setting: "PARLEY_PORT" });
      const grpcPort = await listen(grpc.server, {
        host,
        port: config.PARLEY_GRPC_PORT,
        setting: "PARLEY_GRPC_PORT",
      });
      return { httpPort, grpcPort };
    },
    async stop() {
      for (const stop of stops.splice(0).reverse()) {
        await stop().catch((error) =>
          log.error({ err: error }, "a part of the gateway did not stop cleanly"),
        );
      }
    },
  };
}
