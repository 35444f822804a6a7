/** Dispatch: texts processed by outside providers, paid ones as little as possible. Built by app/, reached by its RPCs only. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { DispatchInternalService } from "@parley/api/internal/dispatch";
import { ProcessService } from "@parley/api/v2/process";
import { createAllowances } from "#dispatch/allowance/allowances.ts";
import { createAllowanceStore } from "#dispatch/allowance/store-allowances.ts";
import { createAllowanceSweeper } from "#dispatch/allowance/sweep-allowances.ts";
import type { Budget } from "#dispatch/budget/budget.ts";
import { createBudget } from "#dispatch/budget/create-budget.ts";
import { observeSpendLimit } from "#dispatch/budget/spend-limit.ts";
import type { DispatchConfig } from "#dispatch/config.ts";
import type { DispatchParts } from "#dispatch/parts.ts";
import { createPermits } from "#dispatch/permits/create-permits.ts";
import type { Permits } from "#dispatch/permits/permits.ts";
import type { Catalogue } from "#dispatch/providers/catalogue.ts";
import { announceEnd } from "#dispatch/requests/announce.ts";
import { type Background, createBackground } from "#dispatch/requests/background.ts";
import { createRequests } from "#dispatch/requests/create-requests.ts";
import { createHeldRequests } from "#dispatch/requests/held-requests.ts";
import { createRequestWrites } from "#dispatch/requests/request-writes.ts";
import { createRunner } from "#dispatch/requests/run-request.ts";
import { createOwnershipStore } from "#dispatch/requests/store-ownership.ts";
import { createRequestStore } from "#dispatch/requests/store-requests.ts";
import { createSweeper } from "#dispatch/requests/sweep.ts";
import { createRouter, type LaneRouter } from "#dispatch/routing/create-router.ts";
import { createRoutingMetrics, type RoutingMetrics } from "#dispatch/routing/routing-metrics.ts";
import { describeProviders } from "#dispatch/rpc/describe-providers.ts";
import { getAllowance } from "#dispatch/rpc/get-allowance.ts";
import { getProcess } from "#dispatch/rpc/get-process.ts";
import { listProcessors } from "#dispatch/rpc/list-processors.ts";
import { processText } from "#dispatch/rpc/process.ts";
import { processMessage } from "#dispatch/rpc/process-message.ts";
import { processWithinAllowance } from "#dispatch/rpc/process-within-allowance.ts";
import { createSender } from "#dispatch/sending/http-sender.ts";
import type { Sender } from "#dispatch/sending/sender.ts";
import type { Bus } from "#platform/bus.ts";
import type { Circuits } from "#platform/circuit/circuits.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { migrate } from "#platform/migrate.ts";
import type { Periodic } from "#platform/periodic.ts";
import type { Service } from "#platform/service.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface DispatchOptions {
  config: DispatchConfig;
  catalogue: Catalogue;
  database: Database;
  /** Connections for permits and money alone, so that no number of requests that are written down keeps them waiting. */
  ledgerDatabase?: Database;
  bus: Bus;
  circuits: Circuits;
  clock: Clock;
  log: Log;
  telemetry: Telemetry;
  /** For tests: parts of their own in the place of these. */
  permits?: Permits;
  budget?: Budget;
  sender?: Sender;
  leaseMs?: number;
}

export const migrationsFolder = join(import.meta.dirname, "migrations");
/** Below what an orchestrator grants a whole process. */
const drainDeadlineMs = 6_000;
const hourMs = 3_600_000;

export function createDispatch(options: DispatchOptions): Service {
  observeSpendLimit(options.telemetry.meter, options.catalogue);
  const { database, log } = options;
  const { sender, permits, budget } = createWays(options);
  const metrics = createRoutingMetrics(options.telemetry);
  const router = createRouter({ ...options, permits, budget, sender, metrics });
  const { requests, background, sweeper } = createKeeping(options, router, metrics);
  const allowanceStore = createAllowanceStore(database);
  const limit = options.config.PARLEY_OCTO_FREE_MESSAGES;
  const allowances = createAllowances({ ...options, store: allowanceStore, limit });
  const allowanceSweeper = createAllowanceSweeper(allowanceStore, log);
  const parts: DispatchParts = { ...options, permits, budget, router, requests, allowances, metrics };
  return {
    name: "dispatch",
    routes(routes) {
      routes.service(ProcessService, {
        process: processText(parts),
        getProcess: getProcess(parts),
        listProcessors: listProcessors(parts),
      });
      routes.service(DispatchInternalService, {
        processMessage: processMessage(parts),
        describeProviders: describeProviders(parts),
        processWithinAllowance: processWithinAllowance(parts),
        getAllowance: getAllowance(parts),
      });
    },
    async start() {
      await migrate(database, "dispatch", migrationsFolder, log);
      await Promise.all([permits.start(), budget.start()]);
      await background.start();
      sweeper.start();
      allowanceSweeper.start();
    },
    async stop() {
      requests.stop();
      await Promise.all([sweeper.stop(), allowanceSweeper.stop()]);
      await background.stop(drainDeadlineMs);
      // Permits and money go back once nothing is sent any more.
      await sender.stop();
      await Promise.all([permits.stop(), budget.stop()]);
    },
  };
}

/** What it takes to ask a provider. */
function createWays(options: DispatchOptions): { permits: Permits; budget: Budget; sender: Sender } {
  const ledger = { ...options, database: options.ledgerDatabase ?? options.database };
  return {
    permits: options.permits ?? createPermits(ledger),
    budget: options.budget ?? createBudget(ledger),
    sender: options.sender ?? createSender(options),
  };
}

/** What is written down, and what of that goes on without a caller. */
function createKeeping(
  options: DispatchOptions,
  router: LaneRouter,
  metrics: RoutingMetrics,
): { requests: DispatchParts["requests"]; background: Background; sweeper: Periodic } {
  const { config, database, bus, log } = options;
  const owner = randomUUID();
  const store = createRequestStore(database, owner);
  const ownership = createOwnershipStore(database, owner);
  const writes = createRequestWrites(store);
  const held = createHeldRequests();
  const retentionMs = config.PARLEY_PROCESS_RETENTION_HOURS * hourMs;
  const runner = createRunner({
    router,
    writes,
    retentionMs,
    metrics,
    log,
    onEnd: (row) => announceEnd(bus, row),
  });
  const background = createBackground({
    ...options,
    store: ownership,
    held,
    runner,
    maxRunning: config.PARLEY_PROCESS_WORKERS,
  });
  const requests = createRequests({
    store,
    writes,
    held,
    runner,
    owner,
    maxWaitingPerUser: config.PARLEY_PROCESS_MAX_WAITING_PER_USER,
    wake: () => background.wake(),
  });
  return { requests, background, sweeper: createSweeper(ownership, retentionMs, log) };
}
