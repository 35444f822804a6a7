/** The messenger's background work: what chats with a processor ask for. */
import type { MessengerClients } from "#messenger/clients.ts";
import type { MessengerConfig } from "#messenger/config.ts";
import type { MessengerParts } from "#messenger/parts.ts";
import { processText, type TextProcessing } from "#messenger/processing/process-text.ts";
import { createProcessingMetrics } from "#messenger/processing/processing-metrics.ts";
import { ProcessingWorker } from "#messenger/processing/processing-worker.ts";
import { claimTexts } from "#messenger/store-processing.ts";
import type { Log } from "#platform/log.ts";

export interface ProcessingOptions {
  config: MessengerConfig;
  /** Without them, nothing is processed here. */
  clients?: MessengerClients;
  log: Log;
}

/** A result may be longer than its text, e.g. a translation, but not without a bound: every member is sent it. */
const resultGrowth = 2;
const msPerHour = 3_600_000;

export function createProcessing(
  { config, clients, log }: ProcessingOptions,
  parts: MessengerParts,
): ProcessingWorker | undefined {
  if (!clients) return undefined;
  const leaseMs = config.PARLEY_CHAT_PROCESSING_LEASE_MS;
  const processing: TextProcessing = {
    parts,
    dispatch: clients.dispatch,
    leaseMs,
    giveUpMs: config.PARLEY_CHAT_PROCESSING_GIVE_UP_HOURS * msPerHour,
    maxResultBytes: config.PARLEY_MAX_TEXT_BYTES * resultGrowth,
    log,
  };
  return new ProcessingWorker({
    claim: (limit) => claimTexts(parts.database, { limit, leaseMs }),
    process: (claimed, signal) => processText(processing, claimed, signal),
    workers: config.PARLEY_CHAT_PROCESSING_WORKERS,
    pollMs: config.PARLEY_CHAT_PROCESSING_POLL_MS,
    metrics: createProcessingMetrics(parts.telemetry),
    log,
  });
}
