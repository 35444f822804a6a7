/** AdminService: what the gateway tells to those who run it, of itself and of dispatch. Access is checked before, as for every call. */
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { AdminService } from "@parley/api/v2/admin";
import { listCircuits } from "#gateway/admin/list-circuits.ts";
import { listProviders } from "#gateway/admin/list-providers.ts";
import type { Overrides } from "#gateway/call.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import type { CircuitsView } from "#platform/circuit/circuits-view.ts";
import type { Clock } from "#platform/clock.ts";

export interface AdminMethodsOptions {
  circuits: CircuitsView;
  clock: Clock;
  clients: Pick<GatewayClients, "dispatchInternal">;
}

type Answer = Overrides extends ReadonlyMap<DescMethodUnary, infer Method> ? Method : never;

export function createAdminMethods(parts: AdminMethodsOptions): Overrides {
  const { method } = AdminService;
  return new Map<DescMethodUnary, Answer>([
    [method.listCircuits, async () => listCircuits(parts)],
    [method.listProviders, (_request, context) => listProviders(parts.clients, context)],
  ]);
}
