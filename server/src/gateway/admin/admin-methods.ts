/** AdminService: what the gateway tells of itself to those who run it. Access is checked before, as for every call. */
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { AdminService } from "@parley/api/v2/admin";
import { listCircuits } from "#gateway/admin/list-circuits.ts";
import type { Overrides } from "#gateway/call.ts";
import type { CircuitsView } from "#platform/circuit/circuits-view.ts";
import type { Clock } from "#platform/clock.ts";

export interface AdminMethodsOptions {
  circuits: CircuitsView;
  clock: Clock;
}

export function createAdminMethods(parts: AdminMethodsOptions): Overrides {
  const { listCircuits: method } = AdminService.method;
  return new Map([[method as DescMethodUnary, async () => listCircuits(parts)]]);
}
