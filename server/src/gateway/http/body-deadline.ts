/**
 * No request keeps its body coming for longer than so long, unless whoever reads it watches over it himself. In place of
 * Node's requestTimeout, which knows no exceptions.
 */
import type { IncomingMessage } from "node:http";

export interface BodyDeadlines {
  /** To be called as the request comes in. */
  watch(request: IncomingMessage): void;
}

const deadlines = new WeakMap<IncomingMessage, NodeJS.Timeout>();
const released = new WeakSet<IncomingMessage>();

export function createBodyDeadlines(
  timeoutMs: number,
  onLate: (request: IncomingMessage) => void,
): BodyDeadlines {
  return {
    watch(request) {
      if (!hasBody(request)) return;
      // Mostly the body came with the headers, and is read by then.
      process.nextTick(() => {
        if (request.complete || request.destroyed || released.has(request)) return;
        const timer = setTimeout(onLate, timeoutMs, request).unref();
        deadlines.set(request, timer);
        const settle = () => clearTimeout(timer);
        request.once("end", settle).once("close", settle);
      });
    },
  };
}

/** For whoever watches over the request's body from now on. */
export function releaseBodyDeadline(request: IncomingMessage): void {
  released.add(request);
  clearTimeout(deadlines.get(request));
}

export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}
