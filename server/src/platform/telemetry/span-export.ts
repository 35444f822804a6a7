/** Sends spans to a collector in batches. One that is away costs nothing but a line in the log now and then. */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import type { Resource } from "@opentelemetry/resources";
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-node";
import type { Log } from "#platform/log.ts";
import { createLogInterval } from "#platform/log-interval.ts";
import { parsePairs } from "#platform/telemetry/config.ts";

export interface SpanExportOptions {
  /** Full URL. */
  url: string;
  /** As in OTEL_EXPORTER_OTLP_HEADERS. */
  headers: string | undefined;
  resource: Resource;
  log: Log;
}

/** Spans beyond are dropped. */
const queue = { maxQueueSize: 4_096, maxExportBatchSize: 512, scheduledDelayMillis: 1_000 };
const exportTimeoutMs = 5_000;
const logEveryMs = 60_000;

export function createSpanExport({ url, headers, resource, log }: SpanExportOptions): BasicTracerProvider {
  const given = headers ? { headers: parsePairs(headers) } : {};
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: exportTimeoutMs, ...given });
  const processor = new BatchSpanProcessor(withFailuresLogged(exporter, log), {
    ...queue,
    exportTimeoutMillis: exportTimeoutMs + 1_000,
  });
  // Whether a trace is recorded has been decided before a span is started: tracing.ts.
  return new BasicTracerProvider({ resource, sampler: new AlwaysOnSampler(), spanProcessors: [processor] });
}

/** Only the kind of failure is told: what a collector answers is not ours to vouch for. */
function withFailuresLogged(exporter: SpanExporter, log: Log): SpanExporter {
  let lostSpans = 0;
  const isTimeToLog = createLogInterval(logEveryMs);
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.error || result.code !== 0) {
          lostSpans += spans.length;
          if (isTimeToLog()) {
            const { code } = (result.error ?? {}) as { code?: string | number };
            log.warn({ lostSpans, code }, "the collector does not take traces");
            lostSpans = 0;
          }
        }
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  };
}
