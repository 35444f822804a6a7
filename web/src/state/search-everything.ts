/** A search task for everything that matches: started, awaited, and its results read page by page. */
import { areResultsLost, ParleyError, type SearchTask } from "@parley/client";
import { describeError } from "./describe-error.ts";
import type { Run } from "./search-run.ts";
import { type Everything, initialEverything } from "./search-state.ts";

const pageSize = 50;
/** A page may be empty, or hold only what is shown already, and still not be the last. */
const maxPages = 50;
/** Longer than a task may wait for others and run. */
const waitMs = 120_000;

interface Task {
  id: string;
  /** How far its results were read. */
  cursor: string | undefined;
}

const tasks = new WeakMap<Run, Task>();

export async function searchEverything(run: Run, start: (initial: Everything) => void): Promise<void> {
  start(initialEverything);
  try {
    const task = await run.parley.searchTasks.create(run.text);
    endWith(run, task.id);
    tasks.set(run, { id: task.id, cursor: undefined });
    await waitFor(run, task.id);
    await readPage(run, "replace");
    run.changeEverything({ status: "done" });
  } catch (error) {
    run.changeEverything({ status: "failed", problem: describeError(error) });
  }
}

export async function showMore(run: Run): Promise<void> {
  const everything = run.everything();
  if (!everything?.hasMore || everything.isLoadingMore) return;
  run.changeEverything({ isLoadingMore: true, problem: undefined });
  try {
    await readPage(run, "append");
  } catch (error) {
    const isGone = error instanceof ParleyError && error.code === "search-task-not-found";
    run.changeEverything({ problem: describeError(error), ...(isGone ? { status: "failed" } : {}) });
  } finally {
    run.changeEverything({ isLoadingMore: false });
  }
}

/** Nobody waits for it any more: the server need not either. What is over is forgotten there by itself. */
function endWith(run: Run, taskId: string): void {
  const forget = () => {
    if (run.everything()?.status !== "done") run.parley.searchTasks.delete(taskId).catch(() => {});
  };
  if (run.signal.aborted) forget();
  else run.signal.addEventListener("abort", forget, { once: true });
}

async function waitFor(run: Run, taskId: string): Promise<void> {
  const show = ({ status, resultCount, partial }: SearchTask) => {
    if (status === "waiting" || status === "running") run.changeEverything({ status });
    run.changeEverything({ resultCount, partial });
  };
  const task = await run.parley.searchTasks.wait(taskId, {
    timeoutMs: waitMs,
    signal: run.signal,
    onProgress: show,
  });
  if (task.status === "failed") throw new ParleyError(task.errorCode || "internal");
}

async function readPage(run: Run, how: "append" | "replace"): Promise<void> {
  const task = tasks.get(run);
  if (!task) return;
  for (let i = 0; i < maxPages; i++) {
    const { hits, nextCursor } = await readResults(run, task);
    task.cursor = nextCursor;
    run.changeEverything({ hasMore: nextCursor !== undefined });
    if (run.addHits(hits, how) > 0 || nextCursor === undefined) return;
  }
}

async function readResults(run: Run, task: Task) {
  const read = () => {
    const { id, cursor } = task;
    const page = { limit: pageSize, signal: run.signal, ...(cursor ? { cursor } : {}) };
    return run.parley.searchTasks.results(id, page);
  };
  try {
    return await read();
  } catch (error) {
    if (!areResultsLost(error)) throw error;
    await waitFor(run, task.id);
    task.cursor = undefined;
    return read();
  }
}
