/** Searches while somebody types: after a pause, the latest text only; and for everything, when that is asked for. */
import { type Message, type ParleyClient, ParleyError, type SearchHit } from "@parley/client";
import type { AppState } from "./app-state.ts";
import { describeError } from "./describe-error.ts";
import { searchEverything, showMore } from "./search-everything.ts";
import type { Run } from "./search-run.ts";
import { initialSearch, isEnough, maxHits, type SearchState } from "./search-state.ts";
import type { Store } from "./store.ts";

export interface Search {
  /** What stands in the box now. */
  setText(text: string): void;
  /** Once more, after a failure. */
  retry(): void;
  searchEverything(): void;
  /** The next page of everything. */
  showMore(): void;
  close(): void;
}

export interface SearchParts {
  parley: ParleyClient;
  store: Store<AppState>;
  /** Looks up what showing the hits needs: people, chats. */
  meet(hits: readonly SearchHit[]): void;
}

const pauseMs = 200;

export function createSearch({ parley, store, meet }: SearchParts): Search {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ending = new AbortController();
  let run: Run | undefined;

  const now = () => store.get().search;
  const change = (next: Partial<SearchState>) =>
    store.update((state) => ({ ...state, search: { ...state.search, ...next } }));

  function begin(text: string): Run {
    end();
    const { signal } = ending;
    return {
      signal,
      parley,
      text,
      everything: () => now().everything,
      changeEverything(next) {
        const { everything } = now();
        if (!signal.aborted && everything) change({ everything: { ...everything, ...next } });
      },
      addHits(hits, how) {
        if (signal.aborted) return 0;
        const held = how === "append" ? now().hits : [];
        const ids = new Set(held.map(({ message }) => message.id));
        const added = hits.filter(({ message }) => !ids.has(message.id));
        meet(added);
        change({ hits: [...held, ...added] });
        return added.length;
      },
    };
  }

  function end(): void {
    clearTimeout(timer);
    ending.abort();
    ending = new AbortController();
    run = undefined;
  }

  async function findBest(mine: Run): Promise<void> {
    try {
      const { hits, partial } = await parley.search(mine.text, { limit: maxHits, signal: mine.signal });
      mine.addHits(hits, "replace");
      if (!mine.signal.aborted) change({ status: "found", partial });
    } catch (error) {
      if (mine.signal.aborted) return;
      const isRefused = error instanceof ParleyError && error.code === "invalid-input";
      change({
        status: isRefused ? "refused" : "failed",
        hits: [],
        problem: isRefused ? refusalOf(error) : describeError(error),
      });
    }
  }

  function setText(text: string): void {
    if (text === now().text) return;
    if (!isEnough(text)) {
      end();
      change({ ...initialSearch, text, status: text.trim() === "" ? "empty" : "short" });
      return;
    }
    // Without the blanks in front; one at the end says that the last word is complete.
    const mine = begin(text.trimStart());
    run = mine;
    change({ text, status: "searching", problem: undefined, everything: undefined });
    timer = setTimeout(() => void findBest(mine), pauseMs);
  }

  function close(): void {
    end();
    change(initialSearch);
  }

  const isListed = (message: Message) => now().hits.some((hit) => hit.message.id === message.id);

  // What is listed shows no text that is not there any more.
  parley.on("delete", (deleted) => {
    if (isListed(deleted)) change({ hits: now().hits.filter(({ message }) => message.id !== deleted.id) });
  });
  parley.on("edit", (edited) => {
    if (!isListed(edited)) return;
    const update = (hit: SearchHit) =>
      hit.message.id === edited.id ? { ...hit, message: edited, fragments: [] } : hit;
    change({ hits: now().hits.map(update) });
  });
  parley.on("state", (state) => state === "signed-out" && end());

  return {
    setText,
    close,
    retry() {
      const { text } = now();
      run = begin(text.trimStart());
      change({ status: "searching", problem: undefined, everything: undefined });
      void findBest(run);
    },
    searchEverything() {
      const { text, status, everything } = now();
      if (status !== "found" || (everything && everything.status !== "failed")) return;
      run = begin(text.trimStart());
      void searchEverything(run, (initial) => change({ everything: initial }));
    },
    showMore() {
      if (run) void showMore(run);
    },
  };
}

/** The server's own sentence: it knows what is wrong with the query. */
function refusalOf({ violations, detail }: ParleyError): string {
  const sentence = violations[0]?.message ?? detail;
  return sentence.startsWith("must") ? `Your search ${sentence}.` : sentence;
}
