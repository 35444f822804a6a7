/** What is told of a database: its connections, and each statement by its name; never a text or a value. */
import { SpanKind } from "@opentelemetry/api";
import { activeTrace } from "#platform/telemetry/active-trace.ts";
import { durationBounds, type HistogramSeries } from "#platform/telemetry/duration-histogram.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface PoolStatus {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

export interface DatabaseObserverOptions {
  pool: PoolStatus;
  name: string;
  maxConnections: number;
}

/** To be called when a statement starts; the returned function when it ends, with the error if it failed. */
export type ObserveStatement = (statement: string) => (error: unknown) => void;

const postgres = { "db.system.name": "postgresql" };
/** The hot path's statements take less than a millisecond. */
const bounds = [0.000_25, 0.000_5, ...durationBounds];

export function createDatabaseObserver(
  telemetry: Telemetry,
  options: DatabaseObserverOptions,
): ObserveStatement {
  observePool(telemetry, options);
  const histogram = telemetry.histogram("db.client.operation.duration", {
    description: "Statements, with waiting for a connection",
    unit: "s",
    bounds,
  });
  const seriesByName = new Map<string, HistogramSeries>();
  const seriesOf = (statement: string, errorType: string | undefined) => {
    const key = errorType ? `${statement} ${errorType}` : statement;
    let series = seriesByName.get(key);
    if (!series) {
      const failure = errorType ? { "error.type": errorType } : {};
      series = histogram.series({
        ...postgres,
        "db.client.connection.pool.name": options.name,
        "db.query.summary": statement,
        ...failure,
      });
      seriesByName.set(key, series);
    }
    return series;
  };
  return (statement) => {
    const startedAtMs = performance.now();
    const span = telemetry.tracing.child(activeTrace(), statement, {
      kind: SpanKind.CLIENT,
      attributes: { ...postgres, "db.query.summary": statement },
    });
    return (error) => {
      const errorType = error === undefined ? undefined : typeOf(error);
      seriesOf(statement, errorType).record((performance.now() - startedAtMs) / 1_000);
      if (errorType) span?.setAttribute("error.type", errorType);
      span?.end();
    };
  };
}

/** SQLSTATE of what the server refused, by its class: there are few of them. */
function typeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? `${code.slice(0, 2)}000` : "connection";
}

function observePool({ meter }: Telemetry, { pool, name, maxConnections }: DatabaseObserverOptions) {
  const inPool = { "db.client.connection.pool.name": name };
  const idle = { ...inPool, "db.client.connection.state": "idle" };
  const used = { ...inPool, "db.client.connection.state": "used" };
  const gauge = (metric: string, unit: string, description: string) =>
    meter.createObservableUpDownCounter(`db.client.connection.${metric}`, { unit, description });
  gauge("count", "{connection}", "Connections to the database").addCallback((result) => {
    result.observe(pool.idleCount, idle);
    result.observe(pool.totalCount - pool.idleCount, used);
  });
  gauge("max", "{connection}", "Connections at the most").addCallback((result) =>
    result.observe(maxConnections, inPool),
  );
  gauge("pending_requests", "{request}", "Statements that wait for a connection").addCallback((result) =>
    result.observe(pool.waitingCount, inPool),
  );
}
