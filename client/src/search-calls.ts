/** Search: the best matches at once, and tasks that look for everything in the background. */
import type {
  CreateSearchTaskResponseJson,
  GetSearchTaskResponseJson,
  ListSearchResultsResponseJson,
  SearchResponseJson,
} from "@parley/api/v2/search";
import { delay } from "./backoff.ts";
import { isTransient, ParleyError } from "./error.ts";
import type { Emitter, ParleyEvents } from "./events.ts";
import { path, query, type Rest } from "./rest.ts";
import { type SearchHit, type SearchTask, toSearchHit, toSearchTask } from "./shapes.ts";

export interface SearchResults {
  /** The best first. */
  hits: SearchHit[];
  /** Time ran out before everything was looked at; a search task goes further. */
  partial: boolean;
}

/** When `signal` is aborted, a call rejects with the signal's reason. */
interface Abortable {
  signal?: AbortSignal;
}

export interface SearchTasks {
  /** Looks for everything that matches, in the background; `fuzzy`: also with words that are spelt nearly so. */
  create(query: string, options?: { fuzzy?: boolean }): Promise<SearchTask>;
  get(id: string, options?: Abortable): Promise<SearchTask>;
  /**
   * Resolves when the task is done or has failed, which its `status` tells. The "search" event brings the news when
   * there is a connection; without one, or when the event is lost, the task is asked for now and then.
   */
  wait(id: string, options?: WaitOptions): Promise<SearchTask>;
  /** A page of what was found, the newest first. It may hold few or none, and still not be the last. */
  results(id: string, page?: ResultsPage): Promise<{ hits: SearchHit[]; nextCursor?: string }>;
  /** All that was found, page by page; waits for the task's end first. */
  allResults(id: string, options?: WaitOptions): AsyncGenerator<SearchHit, void, undefined>;
  /** Ends the task, whatever its state, and forgets its results. */
  delete(id: string): Promise<void>;
}

interface ResultsPage extends Abortable {
  limit?: number;
  /** nextCursor of the page before. */
  cursor?: string;
}

export interface WaitOptions extends Abortable {
  /** Rejects with "timeout" after this. Default: 60,000. */
  timeoutMs?: number;
  /** Hears how the task stands, whenever that was asked. */
  onProgress?: (task: SearchTask) => void;
}

export interface SearchCalls {
  /** With `-word`, `"words in quotes"`, `from:`, `in:`, `before:`, `after:`; see the API's documentation. */
  search(q: string, options?: { limit?: number } & Abortable): Promise<SearchResults>;
  searchTasks: SearchTasks;
}

export interface SearchCallsParts {
  rest: Rest;
  on: Emitter<ParleyEvents>["on"];
  /** The client was closed. */
  closed: AbortSignal;
}

/** Between looks at a task whose event has not come. */
const pollMs = { first: 250, max: 4_000 };
const defaultWaitMs = 60_000;
/** So often a task whose results were lost is waited for once more. */
const maxReruns = 3;

export function createSearchCalls({ rest, on, closed }: SearchCallsParts): SearchCalls {
  const searchTasks: SearchTasks = {
    async create(query, { fuzzy = false } = {}) {
      const body = { query, ...(fuzzy ? { fuzzy } : {}) };
      return toSearchTask(
        (await rest.call<CreateSearchTaskResponseJson>("POST", "/v2/search-tasks", body)).task,
      );
    },
    async get(id, options = {}) {
      const url = path`/v2/search-tasks/${id}`;
      return toSearchTask((await rest.call<GetSearchTaskResponseJson>("GET", url, undefined, options)).task);
    },
    wait: waitForSearchTask,
    async results(id, { signal, ...page } = {}) {
      const url = path`/v2/search-tasks/${id}/results` + query({ ...page });
      const { hits = [], nextCursor } = await rest.call<ListSearchResultsResponseJson>(
        "GET",
        url,
        undefined,
        signalOf(signal),
      );
      return { hits: hits.map(toSearchHit), ...(nextCursor ? { nextCursor } : {}) };
    },
    async *allResults(id, options = {}) {
      const given = new Set<string>();
      let cursor: string | undefined;
      for (let reruns = 0; ; ) {
        const page = await searchTasks
          .results(id, { limit: 200, ...(cursor ? { cursor } : {}), ...signalOf(options.signal) })
          .catch(orUndefinedIfLost);
        if (!page) {
          if (reruns++ === maxReruns) throw new ParleyError("search-task-not-done");
          await waitForResults(id, options);
          cursor = undefined;
          continue;
        }
        for (const hit of page.hits) {
          if (!given.has(hit.message.id)) yield hit;
          given.add(hit.message.id);
        }
        cursor = page.nextCursor;
        if (cursor === undefined) return;
      }
    },
    async delete(id) {
      await rest.call("DELETE", path`/v2/search-tasks/${id}`);
    },
  };

  async function waitForResults(id: string, options: WaitOptions): Promise<void> {
    const task = await waitForSearchTask(id, options);
    if (task.status === "failed") throw new ParleyError(task.errorCode || "internal");
  }

  async function waitForSearchTask(id: string, options: WaitOptions = {}): Promise<SearchTask> {
    const { timeoutMs = defaultWaitMs, onProgress } = options;
    const deadline = AbortSignal.timeout(timeoutMs);
    const ended = AbortSignal.any([deadline, closed, ...(options.signal ? [options.signal] : [])]);
    let pause = new AbortController();
    const off = on("search", (change) => change.id === id && pause.abort());
    try {
      for (let waitMs = pollMs.first; ; waitMs = Math.min(waitMs * 2, pollMs.max)) {
        // Before the task is asked for, so that an event which comes meanwhile is not missed.
        pause = new AbortController();
        const task = await searchTasks.get(id, { signal: ended }).catch(orUndefinedIfTransient);
        if (task) onProgress?.(task);
        if (task && isOver(task)) return task;
        await delay(waitMs, AbortSignal.any([ended, pause.signal])).catch(() => {});
        ended.throwIfAborted();
      }
    } catch (error) {
      if (closed.aborted) throw new ParleyError("closed");
      options.signal?.throwIfAborted();
      if (deadline.aborted) throw new ParleyError("timeout", { detail: "The search task is not done yet" });
      throw error;
    } finally {
      off();
    }
  }

  return {
    async search(q, { signal, limit } = {}) {
      const url = `/v2/search${query({ q, limit })}`;
      const { hits = [], partial = false } = await rest.call<SearchResponseJson>(
        "GET",
        url,
        undefined,
        signalOf(signal),
      );
      return { hits: hits.map(toSearchHit), partial };
    },
    searchTasks,
  };
}

/**
 * Whether results are not there, or not any more: the server may lose them, and then searches once more by itself.
 * What is found then is read from the first page.
 */
export function areResultsLost(error: unknown): boolean {
  if (!(error instanceof ParleyError)) return false;
  const isCursorStale = error.code === "invalid-input" && error.violations[0]?.field === "cursor";
  return isCursorStale || error.code === "search-task-not-done";
}

const isOver = ({ status }: SearchTask) => status === "done" || status === "failed";

function signalOf(signal: AbortSignal | undefined): Abortable {
  return signal ? { signal } : {};
}

function orUndefinedIfTransient(error: unknown): undefined {
  if (!isTransient(error)) throw error;
}

function orUndefinedIfLost(error: unknown): undefined {
  if (!areResultsLost(error)) throw error;
}
