import type { ParleyClient, SearchHit } from "@parley/client";
import type { Everything } from "./search-state.ts";

/** One search: for the best matches, then perhaps for everything. A change of the text ends it. */
export interface Run {
  readonly signal: AbortSignal;
  readonly parley: ParleyClient;
  readonly text: string;
  everything(): Everything | undefined;
  /** Both do nothing once the run has ended. */
  changeEverything(change: Partial<Everything>): void;
  /** Shows these after the hits that there are, or instead of them. Returns how many were not there before. */
  addHits(hits: readonly SearchHit[], how: "append" | "replace"): number;
}
