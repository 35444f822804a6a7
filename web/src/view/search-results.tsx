import { useEffect, useRef } from "react";
import type { Everything, SearchState } from "../state/search-state.ts";
import { SearchHitRow } from "./search-hit-row.tsx";
import { describeSearch } from "./search-status.ts";
import { useAppState, useMessenger } from "./use-messenger.ts";

interface SearchResultsProps {
  listId: string;
  /** Index of the hit that the arrow keys have chosen; -1: none. */
  chosen: number;
  onOpen: (index: number) => void;
}

export const optionId = (listId: string, index: number) => `${listId}-${index}`;

export function SearchResults({ listId, chosen, onOpen }: SearchResultsProps) {
  const messenger = useMessenger();
  const search = useAppState((state) => state.search);
  const { hits, status, openingId, everything } = search;

  const place = useRef<HTMLDivElement>(null);
  const isEverything = everything?.status === "done";

  // biome-ignore lint/correctness/useExhaustiveDependencies: other hits are looked at from the first one on
  useEffect(() => {
    place.current?.scrollTo({ top: 0 });
  }, [search.text, isEverything]);
  useEffect(() => {
    document.getElementById(optionId(listId, chosen))?.scrollIntoView({ block: "nearest" });
  }, [listId, chosen]);

  return (
    <section className="search-results" aria-label="Found messages">
      <p className="hint search-status" role="status">
        {describeSearch(search)}
      </p>
      {status === "failed" && <Problem onRetry={messenger.search.retry}>{search.problem}</Problem>}
      {everything?.status === "failed" && (
        <Problem onRetry={messenger.search.searchEverything}>{everything.problem}</Problem>
      )}
      <div className="hits-place" ref={place}>
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
      </div>
    </section>
  );
}

function Problem({ children, onRetry }: { children: string | undefined; onRetry: () => void }) {
  return (
    <p className="problem search-problem" role="alert">
      {children}{" "}
      <button type="button" className="plain" onClick={onRetry}>
        Try again
      </button>
    </p>
  );
}

/** What can be done below the hits. */
function GoFurther({ search }: { search: SearchState }) {
  const messenger = useMessenger();
  const { everything, status, hits, partial } = search;
  if (everything?.status === "done") return <NextPage everything={everything} />;
  if (everything || status !== "found" || (hits.length === 0 && !partial)) return null;
  return (
    <button type="button" className="plain go-further" onClick={messenger.search.searchEverything}>
      Search everything, newest first
    </button>
  );
}

function NextPage({ everything }: { everything: Everything }) {
  const messenger = useMessenger();
  const { hasMore, isLoadingMore, problem } = everything;
  if (problem) return <Problem onRetry={messenger.search.showMore}>{problem}</Problem>;
  if (!hasMore) return null;
  return (
    <button
      type="button"
      className="plain go-further"
      disabled={isLoadingMore}
      onClick={messenger.search.showMore}
    >
      {isLoadingMore ? "Loading…" : "Show more"}
    </button>
  );
}
