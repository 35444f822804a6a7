/** A call's time, over more than one attempt. By performance.now(); undefined: it has no end. */
import { fault } from "#platform/errors.ts";

export function endOf(timeoutMs: number | undefined): number | undefined {
  return timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
}

/** Throws "timeout" when none is left. */
export function leftUntil(endsAtMs: number | undefined): number | undefined {
  if (endsAtMs === undefined) return undefined;
  const leftMs = Math.ceil(endsAtMs - performance.now());
  if (leftMs <= 0) throw fault("timeout");
  return leftMs;
}
