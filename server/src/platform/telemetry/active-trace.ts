/**
 * The trace of the service call that is running, for what it does to the database and the bus without handing the
 * trace through every function. Only calls that are recorded run in it; on the way of a message, where one piece of
 * work serves many traces, traces are handed on explicitly instead.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Trace } from "#platform/trace.ts";

const storage = new AsyncLocalStorage<Trace | undefined>();

export const activeTrace = (): Trace | undefined => storage.getStore();

/** Work for an unrecorded trace must not run in the trace of whoever happened to start it. */
export function runInTrace<T>(trace: Trace | undefined, work: () => T): T {
  const recorded = trace?.span ? trace : undefined;
  return recorded === storage.getStore() ? work() : storage.run(recorded, work);
}
