/**
 * Decides how each service is called: here all of them run in this process and are called directly. Every call goes
 * through the service's bulkhead and circuit.
 */
import { createClient, type Transport } from "@connectrpc/connect";
import { IdentityInternalService } from "@parley/api/internal/identity";
import { MessengerInternalService } from "@parley/api/internal/messenger";
import { AuthService } from "@parley/api/v2/auth";
import { MessengerService } from "@parley/api/v2/messenger";
import { UserService } from "@parley/api/v2/user";
import { answerFailure } from "#gateway/answer-failure.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import type { Circuits } from "#platform/circuit/circuits.ts";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { guardTransport } from "#platform/guarded-transport.ts";
import type { Service } from "#platform/service.ts";

export interface ServiceClientsOptions {
  circuits: Circuits;
  /** No call takes longer. */
  timeoutMs: number;
}

const endpoint = "in-process";

export function createServiceClients(
  services: { identity: Service; messenger: Service },
  { circuits, timeoutMs }: ServiceClientsOptions,
): GatewayClients {
  const guarded = (service: string, transport: Transport) =>
    guardTransport(transport, {
      circuit: circuits.of(service, endpoint),
      bulkhead: circuits.bulkheadOf(service),
      timeoutMs,
      answerFailure,
    });
  const toIdentity = guarded(
    "identity",
    createDirectTransport((router) => services.identity.routes(router)),
  );
  const toMessenger = guarded(
    "messenger",
    createDirectTransport((router) => services.messenger.routes(router)),
  );
  return {
    auth: createClient(AuthService, toIdentity),
    users: createClient(UserService, toIdentity),
    identity: createClient(IdentityInternalService, toIdentity),
    messenger: createClient(MessengerService, toMessenger),
    messengerInternal: createClient(MessengerInternalService, toMessenger),
  };
}
