/** Looks at pictures, so many at a time, each in a process that may be lost over it. */
import { nothingToSee, type Picture } from "#blobs/attachments/picture.ts";
import { PictureProcessLost, type PictureSource, PictureWorker } from "#blobs/attachments/picture-worker.ts";
import type { BlobConfig } from "#blobs/config.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import { createGate } from "#platform/gate.ts";
import type { Log } from "#platform/log.ts";
import { createLogInterval } from "#platform/log-interval.ts";
import { durationBounds } from "#platform/telemetry/duration-histogram.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export interface Pictures {
  /** Rejects only with what may pass: "overloaded", "unavailable", and what reading the source rejects with. */
  look(source: PictureSource): Promise<Picture>;
  stop(): void;
}

export interface PicturesOptions {
  config: Pick<
    BlobConfig,
    "PARLEY_PICTURE_MAX_BYTES" | "PARLEY_PICTURE_MAX_PIXELS" | "PARLEY_PICTURE_PROCESSES"
  >;
  telemetry: Telemetry;
  log: Log;
  timeoutMs?: number;
  idleMs?: number;
}

/** A process may also end for no fault of the picture: it gets another chance, and no more. */
const maxAttempts = 2;
/** Their callers wait for 25 s. */
const waiting = { maxWaiting: 100, maxWaitMs: 10_000 };
const logEveryMs = 60_000;

type Outcome = "read" | "unreadable" | "lost" | "failed";

export function createPictures(options: PicturesOptions): Pictures {
  const { config, telemetry, log, timeoutMs = 6_000, idleMs = 30_000 } = options;
  const limits = { maxBytes: config.PARLEY_PICTURE_MAX_BYTES, maxPixels: config.PARLEY_PICTURE_MAX_PIXELS };
  const count = config.PARLEY_PICTURE_PROCESSES;
  if (count === 0) return { look: async () => nothingToSee, stop() {} };
  const free = Array.from({ length: count }, () => new PictureWorker({ limits, timeoutMs, idleMs }));
  const all = [...free];
  const gate = createGate({ maxRunning: count, ...waiting });
  const record = createRecorder(telemetry);
  const isTimeToLog = createLogInterval(logEveryMs);
  let isStopped = false;

  async function tryTwice(worker: PictureWorker, source: PictureSource): Promise<Picture | undefined> {
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      try {
        return await worker.look(source);
      } catch (error) {
        if (isStopped) throw fault("unavailable", { cause: error });
        if (!(error instanceof PictureProcessLost)) throw error;
      }
    }
    return undefined;
  }

  async function lookWith(worker: PictureWorker, source: PictureSource): Promise<Picture> {
    const startedAtMs = performance.now();
    let outcome: Outcome = "failed";
    try {
      const picture = await tryTwice(worker, source);
      outcome = picture ? (picture.width > 0 ? "read" : "unreadable") : "lost";
      if (!picture && isTimeToLog())
        log.warn("a picture ended the process that looked at it, or took too long");
      return picture ?? nothingToSee;
    } catch (error) {
      if (isTimeToLog())
        log.warn({ code: toPublicError(error).code, err: error }, "a picture was not looked at");
      throw error;
    } finally {
      record(outcome, startedAtMs);
    }
  }

  return {
    look: (source) =>
      gate.run(async () => {
        const worker = free.pop()!;
        try {
          return await lookWith(worker, source);
        } finally {
          free.push(worker);
        }
      }),
    stop() {
      isStopped = true;
      void gate.stop();
      for (const worker of all) worker.end();
    },
  };
}

function createRecorder(telemetry: Telemetry): (outcome: Outcome, startedAtMs: number) => void {
  const histogram = telemetry.histogram("parley.blobs.picture.duration", {
    description: "Looks at pictures: reading one, finding out its size, making its thumbnail; by outcome",
    unit: "s",
    bounds: durationBounds,
  });
  const series = {
    read: histogram.series({ "parley.outcome": "read" }),
    unreadable: histogram.series({ "parley.outcome": "unreadable" }),
    lost: histogram.series({ "parley.outcome": "lost" }),
    failed: histogram.series({ "parley.outcome": "failed" }),
  };
  return (outcome, startedAtMs) => series[outcome].record((performance.now() - startedAtMs) / 1_000);
}
