/**
 * The only place that knows how each service is called: directly when this process runs it, else over gRPC to the
 * processes that do. Every call goes through the service's bulkhead and its process's circuit.
 */
import { createClient, type Transport } from "@connectrpc/connect";
import { BlobInternalService } from "@parley/api/internal/blobs";
import { DispatchInternalService } from "@parley/api/internal/dispatch";
import { IdentityInternalService } from "@parley/api/internal/identity";
import { MessengerInternalService } from "@parley/api/internal/messenger";
import { AuthService } from "@parley/api/v2/auth";
import { BlobService } from "@parley/api/v2/blob";
import { MessengerService } from "@parley/api/v2/messenger";
import { ProcessService } from "@parley/api/v2/process";
import { SearchService } from "@parley/api/v2/search";
import { UserService } from "@parley/api/v2/user";
import type { LocalServices } from "#app/local-services.ts";
import type { Config } from "#config/config.ts";
import type { ServiceName } from "#config/roles.ts";
import { answerFailure } from "#gateway/answer-failure.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import type { MessengerClients } from "#messenger/clients.ts";
import type { Circuits } from "#platform/circuit/circuits.ts";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { toPublicError } from "#platform/errors.ts";
import { guardTransport } from "#platform/guarded-transport.ts";
import type { Log } from "#platform/log.ts";
import type { SharedClock } from "#platform/shared-clock.ts";
import { traceTransport } from "#platform/telemetry/traced-transport.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import { createBalancedTransport } from "#platform/wire/balanced-transport.ts";
import { createSignHeaders } from "#platform/wire/credentials.ts";
import { createEndpoint, type Endpoint } from "#platform/wire/endpoint.ts";
import { createEndpointSet, type EndpointSet } from "#platform/wire/endpoint-set.ts";
import type { SearchClients } from "#search/clients.ts";

export interface ServiceClientsOptions {
  config: Config;
  /** The services that this process runs; each is added as it is created. */
  local: LocalServices;
  circuits: Circuits;
  clock: SharedClock;
  telemetry: Telemetry;
  log: Log;
}

export interface ServiceClients {
  /** Of services that this process runs, those must have been created before. */
  forGateway(): GatewayClients;
  forMessenger(): MessengerClients;
  forSearch(): SearchClients;
  /** To be called once all clients have been made. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createServiceClients(options: ServiceClientsOptions): ServiceClients {
  const endpointSets: EndpointSet[] = [];
  const transports = new Map<ServiceName, Transport>();
  const makeTransport = (name: ServiceName): Transport => {
    const service = options.local[name];
    if (service) {
      const direct = createDirectTransport((router) => service.routes(router));
      return guarded(direct, name, "in-process", options);
    }
    const endpoints = remoteEndpoints(name, options);
    endpointSets.push(endpoints);
    return createBalancedTransport({ endpoints: () => endpoints.current(), isRefusal: isCircuitOpen });
  };
  const to = (name: ServiceName): Transport => {
    const known = transports.get(name);
    if (known) return known;
    const made = traceTransport(makeTransport(name), options.telemetry, name);
    transports.set(name, made);
    return made;
  };
  return {
    forGateway: () => gatewayClients(to),
    forMessenger: () => messengerClients(to),
    forSearch: () => searchClients(to),
    async start() {
      await Promise.all(endpointSets.map((endpoints) => endpoints.start()));
    },
    async stop() {
      for (const endpoints of endpointSets) endpoints.stop();
    },
  };
}

const isCircuitOpen = (error: unknown) => toPublicError(error).code === "circuit-open";

function guarded(
  transport: Transport,
  name: ServiceName,
  endpoint: string,
  { circuits, config }: ServiceClientsOptions,
): Transport {
  return guardTransport(transport, {
    circuit: circuits.of(name, endpoint),
    bulkhead: circuits.bulkheadOf(name),
    timeoutMs: config.gateway.PARLEY_CALL_TIMEOUT_MS,
    answerFailure,
  });
}

function remoteEndpoints(name: ServiceName, options: ServiceClientsOptions): EndpointSet {
  const { config, circuits, clock, log } = options;
  const { service } = config;
  const urls = {
    identity: service.PARLEY_IDENTITY_URL,
    messenger: service.PARLEY_MESSENGER_URL,
    dispatch: service.PARLEY_DISPATCH_URL,
    search: service.PARLEY_SEARCH_URL,
    blobs: service.PARLEY_BLOBS_URL,
  }[name];
  const sign = createSignHeaders(name, { serviceTokens: service.PARLEY_SERVICE_TOKEN, clock });
  const onTime = (timeMs: number, roundTripMs: number) => clock.adopt(timeMs, roundTripMs);
  const create = (url: string): Endpoint => {
    const endpoint = createEndpoint({ url, sign, onTime, log });
    return {
      url,
      transport: guarded(endpoint.transport, name, url, options),
      get isSuspect() {
        return endpoint.isSuspect;
      },
      close() {
        circuits.forget(name, url);
        endpoint.close();
      },
    };
  };
  return createEndpointSet({ urls, create, log });
}

function gatewayClients(to: (name: ServiceName) => Transport): GatewayClients {
  return {
    auth: createClient(AuthService, to("identity")),
    users: createClient(UserService, to("identity")),
    identity: createClient(IdentityInternalService, to("identity")),
    messenger: createClient(MessengerService, to("messenger")),
    messengerInternal: createClient(MessengerInternalService, to("messenger")),
    process: createClient(ProcessService, to("dispatch")),
    dispatchInternal: createClient(DispatchInternalService, to("dispatch")),
    search: createClient(SearchService, to("search")),
    blobs: createClient(BlobService, to("blobs")),
    blobsInternal: createClient(BlobInternalService, to("blobs")),
  };
}

function messengerClients(to: (name: ServiceName) => Transport): MessengerClients {
  return {
    process: createClient(ProcessService, to("dispatch")),
    dispatch: createClient(DispatchInternalService, to("dispatch")),
    blobs: createClient(BlobInternalService, to("blobs")),
  };
}

function searchClients(to: (name: ServiceName) => Transport): SearchClients {
  return {
    messenger: createClient(MessengerInternalService, to("messenger")),
    users: createClient(UserService, to("identity")),
  };
}
