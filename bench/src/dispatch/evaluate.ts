/** What a replayed trace comes to, beside what the oracle makes of the same requests. */
import type { Replayed } from "../load/replay.ts";
import { mostServedFree, type OracleQuota } from "./oracle.ts";

/** What a simulated provider has counted itself. */
export interface Ledger {
  readonly accepted: number;
  readonly refused: number;
  /** Requests that it had processed before. */
  readonly duplicates: number;
}

export interface Evaluation {
  requests: number;
  /** Answered with an error. */
  failed: number;
  /** Of all requests, served free. */
  shareFree: number;
  /** The same for the oracle. */
  shareOracle: number;
  /** The part of what could have been served free that was not. */
  regret: number;
  /** By the free provider, in a window. */
  refusalsPerWindow: number;
  duplicates: number;
  /**
   * For each window that opened while requests were paid for: from the first request sent in it to the first one of it
   * that was served free; 0 when that was the same.
   */
  switchBackMs: number[];
}

export interface EvaluationOptions {
  replayed: readonly Replayed[];
  free: Ledger;
  paid: Ledger;
  freeId: string;
  quota: OracleQuota;
}

export function evaluate({ replayed, free, paid, freeId, quota }: EvaluationOptions): Evaluation {
  const requests = replayed.length;
  const times = replayed.map(({ sentAtMs }) => sentAtMs).sort((a, b) => a - b);
  const possible = mostServedFree(times, quota);
  const windows = quota.windowMs > 0 ? (times.at(-1)! - times[0]!) / quota.windowMs : 1;
  return {
    requests,
    failed: replayed.filter(({ outcome }) => outcome.startsWith("error")).length,
    shareFree: free.accepted / requests,
    shareOracle: possible / requests,
    regret: (possible - free.accepted) / possible,
    refusalsPerWindow: free.refused / Math.max(1, windows),
    // Each request is to be taken by one provider, once.
    duplicates: free.duplicates + paid.duplicates + Math.max(0, free.accepted + paid.accepted - requests),
    switchBackMs: quota.kind === "fixed-window" ? switchBacks(replayed, freeId, quota.windowMs) : [],
  };
}

function switchBacks(replayed: readonly Replayed[], freeId: string, windowMs: number): number[] {
  const windows = Map.groupBy(replayed, ({ sentAtMs }) => Math.floor(sentAtMs / windowMs));
  const delays: number[] = [];
  for (const [window, sent] of windows) {
    const wasSpent = windows.get(window - 1)?.some(({ outcome }) => outcome !== freeId) ?? false;
    const first = earliest(sent);
    const firstFree = earliest(sent.filter(({ outcome }) => outcome === freeId));
    if (wasSpent && first !== undefined && firstFree !== undefined) delays.push(firstFree - first);
  }
  return delays;
}

const earliest = (some: readonly Replayed[]): number | undefined =>
  some.length === 0 ? undefined : Math.min(...some.map(({ sentAtMs }) => sentAtMs));
