/** A dispatch service by itself, as one of several pods on one database, with providers that do as they are told. */
import { after } from "node:test";
import { createClient } from "@connectrpc/connect";
import { DispatchInternalService } from "@parley/api/internal/dispatch";
import { ProcessService } from "@parley/api/v2/process";
import { dispatchSettings } from "#dispatch/config.ts";
import type { Catalogue } from "#dispatch/providers/catalogue.ts";
import { createDispatch } from "#dispatch/service.ts";
import { createLocalBus } from "#platform/bus.ts";
import { createCircuits } from "#platform/circuit/circuits.ts";
import { circuitSettings } from "#platform/circuit/config.ts";
import type { Database } from "#platform/database.ts";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { createLog } from "#platform/log.ts";
import { readSettings } from "#platform/settings.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { createTestBudget, createTestPermits, createTestSender } from "#test/fake-dispatch-parts.ts";
import { tellingTimeLeft } from "#test/hurried.ts";

export interface DispatchPodOptions {
  database: Database;
  catalogue: Catalogue;
  sending?: ReturnType<typeof createTestSender>;
  permits?: ReturnType<typeof createTestPermits>;
  budget?: ReturnType<typeof createTestBudget>;
  environment?: Record<string, string>;
  leaseMs?: number;
}

export async function startDispatchPod(options: DispatchPodOptions) {
  const {
    sending = createTestSender(),
    permits = createTestPermits(),
    budget = createTestBudget(),
    environment = {},
    leaseMs,
  } = options;
  const log = createLog(process.env.PARLEY_TEST_LOG === "1" ? "debug" : "silent");
  const bus = createLocalBus(() => {});
  const service = createDispatch({
    config: readSettings(dispatchSettings, environment, []),
    catalogue: options.catalogue,
    database: options.database,
    bus,
    clock: { now: Date.now },
    circuits: createCircuits({
      settings: readSettings(circuitSettings, {}, []),
      meter: noTelemetry.meter,
      log,
    }),
    log,
    telemetry: noTelemetry,
    permits: permits.permits,
    budget: budget.budget,
    sender: sending.sender,
    ...(leaseMs === undefined ? {} : { leaseMs }),
  });
  const transport = createDirectTransport((router) => service.routes(tellingTimeLeft(router)));
  await service.start();
  after(() => service.stop());
  return {
    process: createClient(ProcessService, transport),
    internal: createClient(DispatchInternalService, transport),
    service,
    bus,
    sending,
    permits,
    budget,
  };
}

export type DispatchPod = Awaited<ReturnType<typeof startDispatchPod>>;
