/** What a process tells of itself: spans and metrics, handed to whoever has something to tell. */
import { createNoopMeter, type Meter, type Tracer, trace } from "@opentelemetry/api";

export interface Telemetry {
  readonly tracer: Tracer;
  readonly meter: Meter;
}

export const noTelemetry: Telemetry = { tracer: trace.getTracer("parley"), meter: createNoopMeter() };
