import type { Meter } from "@opentelemetry/api";
import type { Catalogue } from "#dispatch/providers/catalogue.ts";

/** What may be spent a day, beside parley.dispatch.spend: so that an alert can tell when the cap is near. */
export function observeSpendLimit(meter: Meter, { spendCapMicros }: Pick<Catalogue, "spendCapMicros">): void {
  if (spendCapMicros === undefined) return;
  const limit = meter.createObservableGauge("parley.dispatch.spend.limit", {
    description: "What may be spent on providers a day, in millionths of the currency",
    unit: "{micro}",
  });
  limit.addCallback((result) => result.observe(spendCapMicros));
}
