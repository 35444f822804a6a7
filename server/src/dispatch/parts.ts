import type { Budget } from "#dispatch/budget/budget.ts";
import type { DispatchConfig } from "#dispatch/config.ts";
import type { Permits } from "#dispatch/permits/permits.ts";
import type { Catalogue } from "#dispatch/providers/catalogue.ts";
import type { Router } from "#dispatch/routing/router.ts";
import type { Bus } from "#platform/bus.ts";
import type { Circuits } from "#platform/circuit/circuits.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import type { Telemetry } from "#platform/telemetry.ts";

/** What the RPCs are made of. */
export interface DispatchParts {
  config: DispatchConfig;
  catalogue: Catalogue;
  database: Database;
  permits: Permits;
  budget: Budget;
  router: Router;
  bus: Bus;
  circuits: Circuits;
  clock: Clock;
  log: Log;
  telemetry: Telemetry;
}
