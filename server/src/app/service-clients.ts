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

export function createServiceClients(services: { identity: Service; messenger: Service }): GatewayClients {
  const toIdentity = createDirectTransport((router) => services.identity.routes(router));
  const toMessenger = createDirectTransport((router) => services.messenger.routes(router));
  return {
    auth: createClient(AuthService, toIdentity),
    users: createClient(UserService, toIdentity),
    identity: createClient(IdentityInternalService, toIdentity),
    messenger: createClient(MessengerService, toMessenger),
    messengerInternal: createClient(MessengerInternalService, toMessenger),
  };
}
