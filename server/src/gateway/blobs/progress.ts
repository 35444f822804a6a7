/** A transfer takes as long as it takes, but it has to go on: whoever keeps it standing still ends it. */
import type { ConnectError } from "@connectrpc/connect";
import { fault } from "#platform/errors.ts";

type Party = "client" | "service";

export interface StallLimits {
  clientMs: number;
  serviceMs: number;
}

export const stallLimits: StallLimits = { clientMs: 30_000, serviceMs: 120_000 };

export interface Progress {
  /** It went on just now, and this is whose turn it is. */
  waitFor(party: Party): void;
  stop(): void;
}

/** One timer for all of a transfer, however many chunks it has. */
export function watchProgress(
  limits: StallLimits,
  onStall: (error: ConnectError) => void,
  nowMs = () => performance.now(),
): Progress {
  let waitingFor: Party = "service";
  let sinceMs = nowMs();
  const check = () => {
    const limitMs = waitingFor === "client" ? limits.clientMs : limits.serviceMs;
    if (nowMs() - sinceMs < limitMs) return;
    clearInterval(timer);
    onStall(fault(waitingFor === "client" ? "request-timeout" : "timeout"));
  };
  const timer = setInterval(check, Math.min(limits.clientMs, limits.serviceMs) / 4).unref();
  return {
    waitFor(party) {
      waitingFor = party;
      sinceMs = nowMs();
    },
    stop: () => clearInterval(timer),
  };
}
