/** Finds the highest rate that a server sustains. */
import type { ChatRunResult } from "../load/chat-load.ts";

export interface SustainedRateOptions {
  /** Where to begin, e.g. what a closed loop reached. */
  startPerSecond: number;
  /** Factor between neighbouring rates, above 1: how exact the result is. */
  step: number;
  maxProbes: number;
  probe(ratePerSecond: number): Promise<boolean>;
}

/** Climbs from the start while it goes well, or else descends until it does. Undefined when no probe went well. */
export async function findSustainedRate(options: SustainedRateOptions): Promise<number | undefined> {
  const { startPerSecond, step, maxProbes, probe } = options;
  let rate = Math.round(startPerSecond);
  let sustained: number | undefined;
  for (let probes = 0; probes < maxProbes; probes++) {
    const isSustained = await probe(rate);
    if (isSustained) sustained = rate;
    else if (sustained !== undefined) return sustained;
    // The first probe decides the direction; a climb ends at the first failure, a descent at the first success.
    if (isSustained && rate < startPerSecond) return sustained;
    rate = Math.round(isSustained ? rate * step : rate / step);
  }
  return sustained;
}

/** The backlog may end higher than it began by what the schedule asks for in this time: chance, not growth. */
const toleratedGrowthMs = 50;
/** Part of the schedule that the generator has to have kept. */
const minSentShare = 0.98;

/** Why a run was not sustained; undefined when everything sent arrived and the backlog did not grow. */
export function shortfall(result: ChatRunResult, ratePerSecond: number): string | undefined {
  const growth = result.outstandingAtWindowEnd - result.outstandingAtWindowStart;
  if (result.fellBehind) return "fell behind by more than the bound";
  if (result.socketsClosed > 0) return `${result.socketsClosed} sockets were closed`;
  if (result.refused > 0)
    return `${result.refused} sends were refused: ${Object.keys(result.errors).join(", ")}`;
  if (result.outstanding > 0) return `${result.outstanding} messages did not arrive everywhere`;
  if (result.sentInWindow < result.dueInWindow * minSentShare)
    return "the generator did not keep its schedule";
  if (growth * 1_000 > ratePerSecond * toleratedGrowthMs) return `the backlog grew by ${growth}`;
  return undefined;
}
