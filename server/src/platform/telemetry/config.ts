/** OpenTelemetry's own variables, by their own names, as far as Parley reads them; others are the OpenTelemetry libraries' business. */

import { integer, oneOf, type Setting, secret, text, url, type Values } from "#platform/settings.ts";
import { samplerNames } from "#platform/telemetry/sampler.ts";

export const telemetrySettings = {
  OTEL_SDK_DISABLED: oneOf("true: no traces are recorded", ["true", "false"], "false"),
  OTEL_TRACES_EXPORTER: oneOf("how traces leave this process", ["otlp", "none"], "otlp"),
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf("what the collector understands", ["http/protobuf"], "http/protobuf"),
  OTEL_SERVICE_NAME: text("how this process is called in traces and metrics; without it, parley", undefined),
  OTEL_RESOURCE_ATTRIBUTES: pairs(
    text("attributes of this process, name=value with commas between", undefined),
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: url("base URL of the collector that traces are sent to (OTLP over HTTP)", [
    "http:",
    "https:",
  ]),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url("full URL that traces are sent to, in place of the base URL", [
    "http:",
    "https:",
  ]),
  OTEL_EXPORTER_OTLP_HEADERS: pairs(secret("headers for the collector, name=value with commas between")),
  OTEL_TRACES_SAMPLER: oneOf("which traces are recorded", samplerNames, "parentbased_traceidratio"),
  OTEL_TRACES_SAMPLER_ARG: ratio("of traces that begin here, this share is recorded", 0.01),
  PARLEY_TRACES_ASKED_PER_SECOND: integer(
    "traces recorded a second because the caller's traceparent asks for it",
    100,
    {
      min: 0,
      max: 1_000_000,
    },
  ),
};

export type TelemetryConfig = Values<typeof telemetrySettings>;

function ratio(about: string, fallback: number): Setting<number> {
  const base = text(about, undefined);
  return {
    ...base,
    default: fallback,
    defaultText: String(fallback),
    parse(value) {
      const number = /^\d*\.?\d+$/.test(value) ? Number(value) : Number.NaN;
      if (!(number >= 0 && number <= 1)) throw new Error("must be a number from 0 to 1");
      return number;
    },
  };
}

/** Checked here, taken apart by parsePairs. */
function pairs(base: Setting<string | undefined>): Setting<string | undefined> {
  return {
    ...base,
    parse(value) {
      parsePairs(value);
      return value;
    },
  };
}

/** name=value,name=value with percent-encoded values. Throws on anything else. */
export function parsePairs(given: string | undefined): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const pair of (given ?? "").split(",")) {
    if (pair.trim() === "") continue;
    const at = pair.indexOf("=");
    if (at < 1) throw new Error("must be name=value with commas between");
    pairs[pair.slice(0, at).trim()] = decode(pair.slice(at + 1).trim());
  }
  return pairs;
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new Error("must have values that are percent-encoded");
  }
}
