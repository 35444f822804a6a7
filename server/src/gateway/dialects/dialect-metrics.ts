/** Who still uses the old APIs: each request counts, by dialect and route. */
import type { DialectRoute } from "#gateway/dialects/dialect.ts";
import { type DialectName, lifetimes } from "#gateway/dialects/versions.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface DialectMetrics {
  answered(dialect: DialectName, route: Pick<DialectRoute, "method" | "template">, status: number): void;
  /** Of a dialect's WebSocket. */
  socketOpened(dialect: DialectName, path: string): void;
}

/** Also tells until when each of those that are on is served. */
export function createDialectMetrics(
  { meter }: Pick<Telemetry, "meter">,
  names: readonly DialectName[],
): DialectMetrics {
  meter
    .createObservableGauge("parley.dialect.sunset", {
      description: "When an old API may be gone, in seconds since 1970",
      unit: "s",
    })
    .addCallback((result) => {
      for (const name of names)
        result.observe(lifetimes[name].sunsetAt.getTime() / 1_000, { "parley.dialect": name });
    });
  const requests = meter.createCounter("parley.dialect.requests", {
    description: "Requests to old APIs",
    unit: "{request}",
  });
  return {
    answered(dialect, { method, template }, status) {
      requests.add(1, {
        "parley.dialect": dialect,
        "http.request.method": String(method),
        "http.route": template,
        "http.response.status_code": status,
      });
    },
    socketOpened(dialect, path) {
      requests.add(1, {
        "parley.dialect": dialect,
        "http.request.method": "GET",
        "http.route": path,
        "http.response.status_code": 101,
      });
    },
  };
}
