import type { Allowances } from "#dispatch/allowance/allowances.ts";
import type { Budget } from "#dispatch/budget/budget.ts";
import type { DispatchConfig } from "#dispatch/config.ts";
import type { Permits } from "#dispatch/permits/permits.ts";
import type { Catalogue } from "#dispatch/providers/catalogue.ts";
import type { Requests } from "#dispatch/requests/create-requests.ts";
import type { LaneRouter } from "#dispatch/routing/create-router.ts";
import type { RoutingMetrics } from "#dispatch/routing/routing-metrics.ts";
import type { Circuits } from "#platform/circuit/circuits.ts";
import type { Clock } from "#platform/clock.ts";

/** What the RPCs are made of. */
export interface DispatchParts {
  config: DispatchConfig;
  catalogue: Catalogue;
  permits: Permits;
  budget: Budget;
  router: LaneRouter;
  requests: Requests;
  allowances: Allowances;
  metrics: RoutingMetrics;
  circuits: Circuits;
  clock: Clock;
}
