/**
 * The only place that knows how each service is called: directly when this process runs it, else over gRPC to the
 * processes that do.
 */
import { createClient, type Transport } from "@connectrpc/connect";
import { IdentityInternalService } from "@parley/api/internal/identity";
import { MessengerInternalService } from "@parley/api/internal/messenger";
import { AuthService } from "@parley/api/v2/auth";
import { MessengerService } from "@parley/api/v2/messenger";
import { UserService } from "@parley/api/v2/user";
import type { Config } from "#config/config.ts";
import type { ServiceName } from "#config/general.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import { createDirectTransport } from "#platform/direct-transport.ts";
import type { Log } from "#platform/log.ts";
import type { Service } from "#platform/service.ts";
import type { SharedClock } from "#platform/shared-clock.ts";
import { createBalancedTransport } from "#platform/wire/balanced-transport.ts";
import { createSignHeaders } from "#platform/wire/credentials.ts";
import { createEndpoint } from "#platform/wire/endpoint.ts";
import { createEndpointSet, type EndpointSet } from "#platform/wire/endpoint-set.ts";

export interface ServiceTransportOptions {
  config: Config;
  /** The services that this process runs. */
  local: Partial<Record<ServiceName, Service>>;
  clock: SharedClock;
  log: Log;
}

export interface ServiceTransports {
  readonly clients: GatewayClients;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createServiceTransports(options: ServiceTransportOptions): ServiceTransports {
  const endpointSets: EndpointSet[] = [];
  const transportTo = (name: ServiceName): Transport => {
    const service = options.local[name];
    if (service) return createDirectTransport((router) => service.routes(router));
    const endpoints = remoteEndpoints(name, options);
    endpointSets.push(endpoints);
    return createBalancedTransport({ endpoints: () => endpoints.current(), isRefusal: () => false });
  };
  return {
    clients: createClients(transportTo("identity"), transportTo("messenger")),
    async start() {
      await Promise.all(endpointSets.map((endpoints) => endpoints.start()));
    },
    async stop() {
      for (const endpoints of endpointSets) endpoints.stop();
    },
  };
}

function remoteEndpoints(name: ServiceName, { config, clock, log }: ServiceTransportOptions): EndpointSet {
  const { PARLEY_IDENTITY_URL, PARLEY_MESSENGER_URL, PARLEY_SERVICE_TOKEN } = config.service;
  const urls = { identity: PARLEY_IDENTITY_URL, messenger: PARLEY_MESSENGER_URL }[name];
  const sign = createSignHeaders(name, { serviceTokens: PARLEY_SERVICE_TOKEN, clock });
  const onTime = (timeMs: number, roundTripMs: number) => clock.adopt(timeMs, roundTripMs);
  return createEndpointSet({ urls, create: (url) => createEndpoint({ url, sign, onTime, log }), log });
}

function createClients(toIdentity: Transport, toMessenger: Transport): GatewayClients {
  return {
    auth: createClient(AuthService, toIdentity),
    users: createClient(UserService, toIdentity),
    identity: createClient(IdentityInternalService, toIdentity),
    messenger: createClient(MessengerService, toMessenger),
    messengerInternal: createClient(MessengerInternalService, toMessenger),
  };
}
