/** How puts and gets fare, and how many bytes go in and out. Neither users nor keys are named. */
import type { DeleteOutcome } from "#blobs/store-puts.ts";
import { toPublicError } from "#platform/errors.ts";
import { durationBounds } from "#platform/telemetry/duration-histogram.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface BlobMetrics {
  /** What it returns is to be called at the end, with the error if there was one; only the first call counts. */
  putStarted(): (error: unknown) => void;
  readStarted(): (error: unknown) => void;
  deleted(outcome: DeleteOutcome): void;
  received(bytes: number): void;
  sent(bytes: number): void;
  cacheRead(isHit: boolean): void;
}

export interface BlobGauges {
  transfersUnderWay(): number;
  cachedBytes(): number;
}

export function createBlobMetrics(telemetry: Telemetry, gauges: BlobGauges): BlobMetrics {
  const { meter } = telemetry;
  const io = meter.createCounter("parley.blobs.io", {
    unit: "By",
    description: "Bytes of blobs, by direction",
  });
  const deletes = meter.createCounter("parley.blobs.deletes", {
    unit: "{blob}",
    description: "Blobs deleted, by outcome",
  });
  const cacheReads = meter.createCounter("parley.blobs.cache.reads", {
    unit: "{read}",
    description: "Reads of small objects, by whether their bytes were in memory",
  });
  meter
    .createObservableUpDownCounter("parley.blobs.transfers", {
      unit: "{transfer}",
      description: "Uploads and downloads under way",
    })
    .addCallback((result) => result.observe(gauges.transfersUnderWay()));
  meter
    .createObservableUpDownCounter("parley.blobs.cache.size", {
      unit: "By",
      description: "Memory that small blobs that are read take",
    })
    .addCallback((result) => result.observe(gauges.cachedBytes()));
  const puts = createDurations(
    telemetry,
    "parley.blobs.put.duration",
    "Puts, from the head to the answer, by error",
  );
  const reads = createDurations(
    telemetry,
    "parley.blobs.read.duration",
    "Reads of objects, to the last byte, by error",
  );
  const received = { "network.io.direction": "receive" };
  const sent = { "network.io.direction": "transmit" };
  return {
    putStarted: puts,
    readStarted: reads,
    deleted: (outcome) => deletes.add(1, { "parley.outcome": outcome }),
    received: (bytes) => io.add(bytes, received),
    sent: (bytes) => io.add(bytes, sent),
    cacheRead: (isHit) => cacheReads.add(1, { "parley.cache.hit": isHit }),
  };
}

function createDurations(telemetry: Telemetry, name: string, description: string) {
  const histogram = telemetry.histogram(name, { description, unit: "s", bounds: durationBounds });
  const series = new Map<string, ReturnType<typeof histogram.series>>();
  const seriesOf = (code: string) => {
    const found = series.get(code) ?? histogram.series(code ? { "error.type": code } : {});
    series.set(code, found);
    return found;
  };
  return () => {
    const startedAtMs = performance.now();
    let isDone = false;
    return (error: unknown) => {
      if (isDone) return;
      isDone = true;
      const code = error === undefined ? "" : toPublicError(error).code;
      seriesOf(code).record((performance.now() - startedAtMs) / 1_000);
    };
  };
}
