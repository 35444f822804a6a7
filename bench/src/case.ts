/** What a case is given and what it tells. */
import type { Repeated } from "./statistics.ts";

export interface CaseOptions {
  /** Length of a measured window; a run has several. */
  windowMs: number;
  /** How many messages the cases that need many write. */
  messages: number;
  /** Whether to profile the server while it is at its limit. */
  profile: boolean;
}

export interface BenchCase {
  readonly name: string;
  /** One line for --list. */
  readonly about: string;
  run(options: CaseOptions): Promise<CaseResult>;
}

export interface CaseResult {
  measures: Measure[];
  /** How it was measured and what stands behind the figures, a sentence each. */
  notes: string[];
  /** Where the server's time went, when that was asked for. */
  profile?: { name: string; share: number }[];
  /** What is too long for a note: it goes into the JSON, and is printed last. */
  appendix?: string[];
}

export interface Measure {
  name: string;
  unit: Unit;
  value: Repeated;
  /** The least that any implementation has to do, measured in the same run. */
  floor?: { name: string; value: Repeated; unit?: Unit };
  target?: Target;
}

export type Unit =
  | "msg/s"
  | "rows/s"
  | "deliveries/s"
  | "pages/s"
  | "req/s"
  | "sign-ins/s"
  | "ms"
  | "s"
  | "KB"
  | "MB"
  | "MB/s"
  | "puts/s"
  | "gets/s"
  | "%"
  | "a window"
  | "requests"
  | "bytes";

export interface Target {
  /** For people, e.g. "at least 15,000". */
  text: string;
  isMet: boolean;
}

export function atLeast(bound: number, value: number): Target {
  return { text: `≥ ${bound.toLocaleString("en")}`, isMet: value >= bound };
}

export function atMost(bound: number, value: number, unit: string): Target {
  return { text: `≤ ${bound.toLocaleString("en")} ${unit}`, isMet: value <= bound };
}

export function atLeastOfFloor(share: number, value: number, floor: number): Target {
  return { text: `≥ ${share * 100} % of floor`, isMet: value >= floor * share };
}
