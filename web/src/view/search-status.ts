/** What a search has come to, in a sentence. */
import { type Everything, maxHits, type SearchState } from "../state/search-state.ts";

const messages = (count: number) => `${count.toLocaleString()} ${count === 1 ? "message" : "messages"}`;

const order = (count: number, which: string) => (count === 1 ? "" : `, the ${which} first`);

export function describeSearch({ status, hits, partial, problem, everything }: SearchState): string {
  if (everything) return describeEverything(everything);
  if (status === "short") return "Type at least two letters.";
  if (status === "searching") return "Searching…";
  if (status === "refused") return problem ?? "";
  if (status !== "found") return "";
  if (partial) {
    const found = hits.length === 0 ? "Nothing found yet" : `${messages(hits.length)} found`;
    return `${found}: time ran out before everything was looked at.`;
  }
  if (hits.length === 0) return "Nothing found.";
  // Operators alone have no better matches, only newer ones.
  const which = hits.some(({ fragments }) => fragments.length > 0) ? "best" : "newest";
  if (hits.length >= maxHits) return `The ${which} ${messages(hits.length)}; there may be more.`;
  return `${messages(hits.length)} found${order(hits.length, which)}.`;
}

function describeEverything({ status, resultCount, partial }: Everything): string {
  if (status === "waiting") return "Searching everything: waiting for its turn…";
  if (status === "running") return `Searching everything… ${messages(resultCount)} so far.`;
  if (status === "failed") return "";
  if (partial) {
    return `${messages(resultCount)} found${order(resultCount, "newest")}. There may be more: time or room ran out.`;
  }
  return resultCount === 0
    ? "Nothing found."
    : `${messages(resultCount)} found${order(resultCount, "newest")}.`;
}
