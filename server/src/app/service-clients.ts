/** Decides how each service is called: here all of them run in this process and are called directly. */
import { createClient } from "@connectrpc/connect";
import { IdentityInternalService } from "@parley/api/internal/identity";
import { MessengerInternalService } from "@parley/api/internal/messenger";
import { AuthService } from "@parley/api/v2/auth";
import { MessengerService } from "@parley/api/v2/messenger";
import { UserService } from "@parley/api/v2/user";
import type { GatewayClients } from "#gateway/clients.ts";
import { createDirectTransport } from "#platform/direct-transport.ts";
import type { Service } from "#platform/service.ts";
import type { Telemetry } from "#platform/telemetry.ts";
import { traceTransport } from "#platform/traced-transport.ts";

export function createServiceClients(
  services: { identity: Service; messenger: Service },
  telemetry: Telemetry,
): GatewayClients {
  const transportTo = (service: Service) =>
    traceTransport(
      createDirectTransport((router) => service.routes(router)),
      telemetry,
      service.name,
    );
  const toIdentity = transportTo(services.identity);
  const toMessenger = transportTo(services.messenger);
  return {
    auth: createClient(AuthService, toIdentity),
    users: createClient(UserService, toIdentity),
    identity: createClient(IdentityInternalService, toIdentity),
    messenger: createClient(MessengerService, toMessenger),
    messengerInternal: createClient(MessengerInternalService, toMessenger),
  };
}
