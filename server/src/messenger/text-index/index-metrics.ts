import { durationBounds } from "#platform/telemetry/duration-histogram.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface IndexMetrics {
  merged(pages: number, tookMs: number): void;
  filledIn(messages: number): void;
  setNotIndexed(messages: number): void;
}

export const noIndexMetrics: IndexMetrics = { merged() {}, filledIn() {}, setNotIndexed() {} };

export function createIndexMetrics(telemetry: Telemetry): IndexMetrics {
  const { meter } = telemetry;
  const merges = telemetry
    .histogram("parley.messenger.index.merge.duration", {
      description: "Merges of the text index's new entries",
      unit: "s",
      bounds: durationBounds,
    })
    .series({});
  const pages = meter.createCounter("parley.messenger.index.merged", {
    unit: "{page}",
    description: "Pages of new entries merged into the text index",
  });
  const filled = meter.createCounter("parley.messenger.index.filled_in", {
    unit: "{message}",
    description: "Messages indexed in the background",
  });
  let notIndexed: number | undefined;
  meter
    .createObservableUpDownCounter("parley.messenger.index.missing", {
      unit: "{message}",
      description: "Messages not indexed yet, up to a million, when this process last looked",
    })
    .addCallback((result) => {
      if (notIndexed !== undefined) result.observe(notIndexed);
    });
  return {
    merged(count, tookMs) {
      merges.record(tookMs / 1_000);
      if (count > 0) pages.add(count);
    },
    filledIn: (count) => filled.add(count),
    setNotIndexed(count) {
      notIndexed = count;
    },
  };
}
