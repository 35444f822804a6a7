import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { fault } from "#platform/errors.ts";

export interface ReadLimits {
  maxBytes: number;
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * The whole body of a request. Leaves the connection usable for the answer in every case. Throws "too-large", "timeout", or what
 * the signal was aborted with, or "cancelled" when the client went away.
 */
export function readBytes(
  request: IncomingMessage | Http2ServerRequest,
  { maxBytes, timeoutMs, signal }: ReadLimits,
): Promise<Buffer> {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) return Promise.reject(fault("too-large"));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (done: () => void) => {
      clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
      signal.removeEventListener("abort", onAbort);
      done();
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > maxBytes) settle(() => reject(fault("too-large")));
    };
    const onEnd = () => settle(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    const onGone = () => settle(() => reject(fault("cancelled")));
    const onAbort = () => settle(() => reject(signal.reason));
    const timer = setTimeout(() => settle(() => reject(fault("timeout"))), timeoutMs);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    request.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
  });
}
