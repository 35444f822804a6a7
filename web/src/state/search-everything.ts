/** A search task for everything that matches: started, awaited, and its results read page by page. */
import { ParleyError, type SearchTask } from "@parley/client";
import { describeError } from "./describe-error.ts";
import type { Run } from "./search-run.ts";
import { type Everything, initialEverything } from "./search-state.ts";

const pageSize = 50;
/** A page may be empty and still not be the last. */
const maxEmptyPages = 20;
/** Longer than a task may wait for others and run. */
const waitMs = 120_000;

/** Which task a run has, and how far its results were read. */
const tasks = new WeakMap<Run, { id: string; cursor: string | undefined }>();

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
    run.changeEverything({ problem: describeError(error) });
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
  const task = await run.parley.waitForSearchTask(taskId, {
    timeoutMs: waitMs,
    signal: run.signal,
    onProgress: show,
  });
  if (task.status === "failed") throw new ParleyError(task.errorCode || "internal");
}

async function readPage(run: Run, how: "append" | "replace"): Promise<void> {
  const task = tasks.get(run);
  if (!task) return;
  for (let i = 0; i < maxEmptyPages; i++) {
    const { hits, nextCursor } = await readResults(run, task);
    task.cursor = nextCursor;
    run.changeEverything({ hasMore: nextCursor !== undefined });
    if (hits.length > 0 || nextCursor === undefined) return run.addHits(hits, how);
  }
}

async function readResults(run: Run, { id, cursor }: { id: string; cursor: string | undefined }) {
  const page = { limit: pageSize, signal: run.signal, ...(cursor ? { cursor } : {}) };
  try {
    return await run.parley.searchTasks.results(id, page);
  } catch (error) {
    // They were lost, and are searched for once more.
    if (!(error instanceof ParleyError) || error.code !== "search-task-not-done") throw error;
    await waitFor(run, id);
    return run.parley.searchTasks.results(id, page);
  }
}
