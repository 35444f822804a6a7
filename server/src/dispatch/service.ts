/** Dispatch: texts processed by outside providers, paid ones as little as possible. Built by app/, reached by its RPCs only. */
import { join } from "node:path";
import { DispatchInternalService } from "@parley/api/internal/dispatch";
import { ProcessService } from "@parley/api/v2/process";
import { observeSpendLimit } from "#dispatch/budget/spend-limit.ts";
import type { DispatchConfig } from "#dispatch/config.ts";
import type { Catalogue } from "#dispatch/providers/catalogue.ts";
import { listProcessors } from "#dispatch/rpc/list-processors.ts";
import type { Bus } from "#platform/bus.ts";
import type { Circuits } from "#platform/circuit/circuits.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import type { Service } from "#platform/service.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface DispatchOptions {
  config: DispatchConfig;
  catalogue: Catalogue;
  database: Database;
  bus: Bus;
  circuits: Circuits;
  clock: Clock;
  log: Log;
  telemetry: Telemetry;
}

export const migrationsFolder = join(import.meta.dirname, "migrations");

export function createDispatch(options: DispatchOptions): Service {
  observeSpendLimit(options.telemetry.meter, options.catalogue);
  return {
    name: "dispatch",
    routes(router) {
      router.service(ProcessService, { listProcessors: listProcessors(options) });
      router.service(DispatchInternalService, {});
    },
    start: () => migrate(options.database, "dispatch", migrationsFolder, options.log),
    stop: async () => {},
  };
}
