/**
 * What a process tells of itself: spans and metrics, handed to whoever has something to tell. Nothing is registered
 * globally, so that several pods can live in one process.
 */
import { randomUUID } from "node:crypto";
import { createNoopMeter, type Meter, type Tracer, trace } from "@opentelemetry/api";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import type { BasicTracerProvider } from "@opentelemetry/sdk-trace-node";
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from "@opentelemetry/semantic-conventions";
import { within } from "#platform/deadline.ts";
import type { Log } from "#platform/log.ts";
import { parsePairs, type TelemetryConfig } from "#platform/telemetry/config.ts";
import {
  type Histogram,
  type HistogramOptions,
  HistogramRegistry,
} from "#platform/telemetry/duration-histogram.ts";
import { observeProcess } from "#platform/telemetry/process-metrics.ts";
import { toPrometheus } from "#platform/telemetry/prometheus.ts";
import { createSampler, neverSampled } from "#platform/telemetry/sampler.ts";
import { createSpanExport } from "#platform/telemetry/span-export.ts";
import { createTracing, type Tracing } from "#platform/telemetry/tracing.ts";

export interface Telemetry {
  readonly tracer: Tracer;
  readonly meter: Meter;
  /** Starts spans where they are wanted, and only there. */
  readonly tracing: Tracing;
  /** For what happens so often that meter.createHistogram would cost too much. */
  histogram(name: string, options: HistogramOptions): Histogram;
}

export interface RunningTelemetry extends Telemetry {
  /** All metrics in the format of Prometheus. */
  scrape(): Promise<string>;
  /** Sends what spans there are, but does not wait for long. Never throws. */
  stop(): Promise<void>;
}

const noTracer = trace.getTracer("parley");

export const noTelemetry: Telemetry = {
  tracer: noTracer,
  meter: createNoopMeter(),
  tracing: createTracing(noTracer, neverSampled),
  histogram: () => ({ series: () => ({ record() {} }) }),
};

export interface TelemetryOptions {
  config: TelemetryConfig;
  version: string;
  log: Log;
}

const stopTimeoutMs = 2_000;

export function startTelemetry({ config, version, log }: TelemetryOptions): RunningTelemetry {
  const resource = createResource(config, version);
  const histograms = new HistogramRegistry();
  const reader = new PullReader({ metricProducers: [histograms] });
  const meters = new MeterProvider({ resource, readers: [reader] });
  const meter = meters.getMeter("parley");
  const stopObserving = observeProcess(meter);
  const spans = openSpanExport(config, resource, log);
  const tracer = spans?.getTracer("parley", version) ?? noTracer;
  const stopAll = () => {
    stopObserving();
    return within(Promise.allSettled([spans?.shutdown(), meters.shutdown()]), stopTimeoutMs);
  };
  let stopping: Promise<void> | undefined;
  return {
    tracer,
    meter,
    tracing: createTracing(tracer, spans ? samplerOf(config) : neverSampled),
    histogram: (name, options) => histograms.histogram(name, options),
    async scrape() {
      const { resourceMetrics, errors } = await reader.collect();
      if (errors.length > 0) log.warn({ err: errors[0] }, "a metric could not be read");
      return toPrometheus(resourceMetrics);
    },
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

function createResource(config: TelemetryConfig, version: string): Resource {
  return resourceFromAttributes({
    [ATTR_SERVICE_VERSION]: version,
    "service.instance.id": randomUUID(),
    [ATTR_SERVICE_NAME]: "parley",
    ...parsePairs(config.OTEL_RESOURCE_ATTRIBUTES),
    ...(config.OTEL_SERVICE_NAME ? { [ATTR_SERVICE_NAME]: config.OTEL_SERVICE_NAME } : {}),
  });
}

function openSpanExport(
  config: TelemetryConfig,
  resource: Resource,
  log: Log,
): BasicTracerProvider | undefined {
  const base = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  const url = config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base.replace(/\/$/, "")}/v1/traces`);
  const isOff = config.OTEL_SDK_DISABLED === "true" || config.OTEL_TRACES_EXPORTER === "none";
  if (!url || isOff) return undefined;
  return createSpanExport({ url, headers: config.OTEL_EXPORTER_OTLP_HEADERS, resource, log });
}

function samplerOf(config: TelemetryConfig) {
  return createSampler({
    name: config.OTEL_TRACES_SAMPLER,
    ratio: config.OTEL_TRACES_SAMPLER_ARG,
    maxAskedPerSecond: config.PARLEY_TRACES_ASKED_PER_SECOND,
  });
}

/** Metrics are read when somebody asks for them. */
class PullReader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}
