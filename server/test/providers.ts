/** Providers for tests of dispatch, with only that said which matters to the test. */
import type { Provider, Quota } from "#dispatch/providers/catalogue.ts";

export function provider(id: string, quotas: Partial<Quota>[], more: Partial<Provider> = {}): Provider {
  return {
    id,
    adapter: "json",
    url: new URL("http://127.0.0.1/"),
    headers: {},
    priceMicros: 0,
    timeoutMs: 1_000,
    concurrency: 1_000,
    maxQueueMs: 0,
    guardMs: 20,
    idempotencyHeader: undefined,
    options: {},
    quotas: quotas.map((quota) => ({
      kind: "fixed-window",
      limit: 1,
      windowMs: 0,
      blockMs: 0,
      offsetMs: 0,
      ...quota,
    })),
    ...more,
  };
}

export const providersById = (providers: readonly Provider[]) => ({
  providers: new Map(providers.map((one) => [one.id, one])),
});
