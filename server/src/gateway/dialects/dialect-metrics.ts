/** Who still uses the old APIs: each request counts, by dialect and route. */
import type { DialectRoute } from "#gateway/dialects/dialect.ts";
import type { DialectName } from "#gateway/dialects/versions.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface DialectMetrics {
  answered(dialect: DialectName, route: Pick<DialectRoute, "method" | "template">, status: number): void;
  /** Of a dialect's WebSocket. */
  socketOpened(dialect: DialectName, path: string): void;
}

export function createDialectMetrics({ meter }: Pick<Telemetry, "meter">): DialectMetrics {
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
