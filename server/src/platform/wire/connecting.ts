/** Waits for an endpoint's connection: as long as the connection may take, and no longer than the call has. */
import type { Http2SessionManager } from "@connectrpc/connect-node";
import { fault } from "#platform/errors.ts";

export interface Connecting {
  /** False: a call must wait first. */
  readonly isConnected: boolean;
  /** Rejects with what `unreachable` makes of the reason, with "timeout", or with "cancelled". */
  untilConnected(signal: AbortSignal | undefined, timeoutMs: number | undefined): Promise<void>;
}

/** No shorter than a ping may take by which an idle connection is verified, see endpoint.ts. */
const connectTimeoutMs = 3_000;

export function createConnecting(
  sessions: Http2SessionManager,
  unreachable: (cause: unknown) => Error,
): Connecting {
  let attempt: Promise<void> | undefined;
  const connect = async () => {
    const timer = setTimeout(
      () => sessions.abort(new Error("no connection in time")),
      connectTimeoutMs,
    ).unref();
    const outcome = await sessions.connect();
    clearTimeout(timer);
    if (outcome === "error") throw unreachable(sessions.error());
  };
  return {
    get isConnected() {
      const state = sessions.state();
      return state === "open" || state === "idle";
    },
    untilConnected(signal, timeoutMs) {
      // One attempt for all who wait: it goes on when the first of them has no time left.
      attempt ??= connect().finally(() => {
        attempt = undefined;
      });
      return noLongerThan(attempt, signal, timeoutMs);
    },
  };
}

function noLongerThan(
  work: Promise<void>,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      end();
    };
    const onAbort = () => settle(() => reject(fault("cancelled", { cause: signal?.reason })));
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => settle(() => reject(fault("timeout"))), timeoutMs).unref();
    signal?.addEventListener("abort", onAbort);
    work.then(
      () => settle(resolve),
      (error) => settle(() => reject(error)),
    );
    if (signal?.aborted) onAbort();
  });
}
