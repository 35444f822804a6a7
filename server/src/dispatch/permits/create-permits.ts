import { randomUUID } from "node:crypto";
import { createPermitMetrics } from "#dispatch/permits/permit-metrics.ts";
import type { Permits } from "#dispatch/permits/permits.ts";
import { ProviderPool } from "#dispatch/permits/provider-pool.ts";
import { exchange, readStates, storeProvider } from "#dispatch/permits/store-permits.ts";
import type { Catalogue, Provider } from "#dispatch/providers/catalogue.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { noTelemetry, type Telemetry } from "#platform/telemetry.ts";

export interface PermitsOptions {
  catalogue: Pick<Catalogue, "providers">;
  database: Database;
  log: Log;
  telemetry?: Telemetry;
  /** Monotonic; for tests. */
  nowMs?: () => number;
}

/** See permits.ts. The schema must be there; `start` declares the providers. */
export function createPermits(options: PermitsOptions): Permits {
  const { catalogue, database, log, telemetry = noTelemetry } = options;
  const { nowMs = () => performance.now() } = options;
  const pod = randomUUID();
  const createPool = (provider: Provider) =>
    new ProviderPool({
      provider,
      pod,
      nowMs,
      exchange: (request) => exchange(database, request),
      onAway: (isAway, error) => logAway(log, provider.id, isAway, error),
    });
  const pools = new Map([...catalogue.providers.values()].map((one) => [one.id, createPool(one)]));

  const status = async () =>
    (await readStates(database)).filter(({ providerId }) => catalogue.providers.has(providerId));
  createPermitMetrics(telemetry.meter, [...pools.values()], status);

  return {
    acquire(providerId, signal) {
      const pool = pools.get(providerId);
      if (!pool) return Promise.reject(new Error(`there is no provider ${providerId}`));
      return pool.acquire(signal);
    },
    status,
    async start() {
      for (const provider of catalogue.providers.values()) await storeProvider(database, provider);
    },
    async stop() {
      await Promise.all([...pools.values()].map((pool) => pool.stop()));
    },
  };
}

function logAway(log: Log, provider: string, isAway: boolean, error: unknown) {
  if (!isAway) return log.info({ provider }, "permits can be counted again");
  log.error(
    { provider, err: error },
    "the database is away: no permits beyond those held; requests go to paid providers, out of the reserve",
  );
}
