import { useEffect } from "react";
import type { SearchState } from "../state/search-state.ts";
import { SearchHitRow } from "./search-hit-row.tsx";
import { describeSearch, problemOf } from "./search-status.ts";
import { useAppState, useMessenger } from "./use-messenger.ts";

interface SearchResultsProps {
  listId: string;
  /** Index of the hit that the arrow keys have chosen; -1: none. */
  chosen: number;
  onOpen: (index: number) => void;
}

export const optionId = (listId: string, index: number) => `${listId}-${index}`;

export function SearchResults({ listId, chosen, onOpen }: SearchResultsProps) {
  const search = useAppState((state) => state.search);
  const { hits, status, openingId } = search;

  useEffect(() => {
    document.getElementById(optionId(listId, chosen))?.scrollIntoView({ block: "nearest" });
  }, [listId, chosen]);

  return (
    <section className="search-results" aria-label="Found messages">
      <p className="hint search-status" role="status">
        {describeSearch(search)}
      </p>
      <Problem search={search} />
      <div
        id={listId}
        role="listbox"
        aria-label="Found messages"
        aria-busy={status === "searching"}
        className={status === "searching" ? "hits stale" : "hits"}
      >
        {hits.map((hit, index) => (
          <SearchHitRow
            key={hit.message.id}
            id={optionId(listId, index)}
            hit={hit}
            isChosen={index === chosen}
            isOpening={hit.message.id === openingId}
            onOpen={() => onOpen(index)}
          />
        ))}
      </div>
      <GoFurther search={search} />
    </section>
  );
}

function Problem({ search }: { search: SearchState }) {
  const messenger = useMessenger();
  const problem = problemOf(search);
  if (!problem) return null;
  const isOfTask = search.status !== "failed";
  const again =
    search.everything?.status === "done" ? messenger.search.showMore : messenger.search.searchEverything;
  return (
    <p className="problem search-problem" role="alert">
      {problem}{" "}
      <button type="button" className="plain" onClick={isOfTask ? again : messenger.search.retry}>
        Try again
      </button>
    </p>
  );
}

function GoFurther({ search }: { search: SearchState }) {
  const messenger = useMessenger();
  const { everything, status, hits, partial } = search;
  if (status !== "found") return null;
  if (everything) {
    if (everything.status !== "done" || !everything.hasMore || everything.problem) return null;
    return (
      <button
        type="button"
        className="plain go-further"
        disabled={everything.isLoadingMore}
        onClick={messenger.search.showMore}
      >
        {everything.isLoadingMore ? "Loading…" : "Show more"}
      </button>
    );
  }
  if (hits.length === 0 && !partial) return null;
  return (
    <button type="button" className="plain go-further" onClick={messenger.search.searchEverything}>
      Search everything, newest first
    </button>
  );
}
