/** The body of a request as it comes, no faster than it is taken. Leaves the connection usable for an answer. */
import type { IncomingMessage } from "node:http";
import type { Transfer } from "#gateway/blobs/transfer.ts";
import { fault } from "#platform/errors.ts";
import { releaseBytes } from "#platform/release-bytes.ts";

/** Node takes "chunked" away and leaves what else there is: the bytes would not be those that the sender means. */
export function requireKnownCoding({ headers }: IncomingMessage): void {
  if ((headers["transfer-encoding"] ?? "chunked").trim().toLowerCase() === "chunked") return;
  throw fault("unsupported-media-type", { detail: "Of transfer codings only chunked is known here" });
}

/**
 * Throws what the transfer was aborted with, and "cancelled" when the client goes away in the middle. A chunk is good until the
 * one after it has come.
 */
export async function* requestBytes(
  request: IncomingMessage,
  { progress, signal, fail }: Transfer,
): AsyncGenerator<Buffer> {
  const arrivals = watchArrivals(request, signal);
  let last: Buffer | undefined;
  try {
    progress.waitFor("client");
    while (true) {
      signal.throwIfAborted();
      const chunk = request.read() as Buffer | null;
      if (chunk) {
        if (last) releaseBytes(last);
        last = chunk;
        progress.waitFor("service");
        yield chunk;
        progress.waitFor("client");
      } else if (request.readableEnded) return;
      // What ends before it is complete has been cut off.
      else if (request.destroyed || request.errored) fail(fault("cancelled"));
      else await arrivals.next();
    }
  } finally {
    progress.waitFor("service");
    arrivals.stop();
  }
}

/** Wakes whoever waits for more; all there is to be seen is the request's own state. */
function watchArrivals(request: IncomingMessage, signal: AbortSignal) {
  let wake: (() => void) | undefined;
  let hasNews = false;
  const onNews = () => {
    hasNews = true;
    wake?.();
  };
  const events = ["readable", "end", "error", "close"];
  for (const event of events) request.on(event, onNews);
  signal.addEventListener("abort", onNews, { once: true });
  return {
    async next() {
      if (!hasNews) await new Promise<void>((resolve) => (wake = resolve));
      hasNews = false;
      wake = undefined;
    },
    stop() {
      for (const event of events) request.off(event, onNews);
      signal.removeEventListener("abort", onNews);
      // An error after the last listener went would end the process.
      request.on("error", () => {});
    },
  };
}
