/** What permits do, as metrics; read when somebody asks for them. */
import type { Meter } from "@opentelemetry/api";
import type { PermitStatus } from "#dispatch/permits/permits.ts";
import type { ProviderPool } from "#dispatch/permits/provider-pool.ts";

const unit = "{permit}";

export function createPermitMetrics(
  meter: Meter,
  pools: readonly ProviderPool[],
  status: () => Promise<readonly PermitStatus[]>,
): void {
  const counter = (name: keyof ProviderPool["counts"], description: string) =>
    meter
      .createObservableCounter(`parley.dispatch.permits.${name}`, { unit, description })
      .addCallback((to) => {
        for (const pool of pools) to.observe(pool.counts[name], { provider: pool.providerId });
      });
  counter("granted", "Permits that this process got.");
  counter("returned", "Permits that it gave back, unused.");
  counter("expired", "Those of them whose time had passed.");
  meter
    .createObservableGauge("parley.dispatch.away", {
      unit: "{process}",
      description: "1 while the database cannot be asked for permits.",
    })
    .addCallback((to) => to.observe(pools.some((pool) => pool.isAway) ? 1 : 0));

  const used = meter.createObservableGauge("parley.dispatch.quota.used", {
    unit,
    description: "Permits counted in the quota's current window.",
  });
  const limit = meter.createObservableGauge("parley.dispatch.quota.limit", {
    unit,
    description: "Permits that the provider seems to grant.",
  });
  meter.addBatchObservableCallback(
    async (to) => {
      // Without the database these are not there; it says so itself.
      for (const { providerId, quotas } of await status().catch(() => [])) {
        for (const [index, quota] of quotas.entries()) {
          const attributes = { provider: providerId, quota: `${index + 1}:${quota.kind}` };
          to.observe(used, quota.used, attributes);
          to.observe(limit, quota.estimate, attributes);
        }
      }
    },
    [used, limit],
  );
}
