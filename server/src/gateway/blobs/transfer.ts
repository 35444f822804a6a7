/** One upload or download: who waits for whom, and how it ends when one of the two no longer does. */
import type { ServerResponse } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import { type Progress, type StallLimits, watchProgress } from "#gateway/blobs/progress.ts";
import { fault } from "#platform/errors.ts";

export interface Transfer {
  readonly progress: Progress;
  /** Aborts when the client has gone or the transfer stands still; its reason is the error to tell. */
  readonly signal: AbortSignal;
  fail(error: ConnectError): void;
  /** Rejects with the signal's reason at once, also when the work takes no notice of the signal. */
  unlessAborted<T>(work: Promise<T>): Promise<T>;
  end(): void;
}

export function beginTransfer(response: ServerResponse, limits: StallLimits): Transfer {
  const controller = new AbortController();
  const { signal } = controller;
  const fail = (error: ConnectError) => controller.abort(error);
  const progress = watchProgress(limits, fail);
  const waiting = new Set<(error: unknown) => void>();
  const onAbort = () => {
    for (const giveUp of waiting) giveUp(signal.reason);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  const onClose = () => {
    progress.stop();
    if (!response.writableFinished) fail(fault("cancelled"));
  };
  response.once("close", onClose);
  if (response.destroyed) onClose();
  return {
    progress,
    signal,
    fail,
    // No Promise.race: with a promise that lives as long as the transfer, it would keep every chunk until then.
    unlessAborted: (work) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) reject(signal.reason);
        else waiting.add(reject);
        work.then(resolve, reject).finally(() => waiting.delete(reject));
      }),
    end() {
      progress.stop();
      response.off("close", onClose);
    },
  };
}
