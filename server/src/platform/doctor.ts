/** What `parley doctor` looks for. Each service has a list of checks of what must always be true of its data. */
import type { Database } from "#platform/database.ts";

export interface Violation {
  /** What it is found by: "chat 0192…". No text of a user's. */
  id: string;
}

export interface CheckRun {
  signal: AbortSignal;
  /** So many of whatever the check goes through have been looked at. */
  onProgress(seen: number): void;
}

export interface Check {
  /** The invariant, as a sentence. */
  name: string;
  /** Takes long: only looked at when asked for. */
  isDeep?: boolean;
  /** In pages, so that memory is bounded however much data there is. Right also while Parley is in use. */
  check(database: Database, run: CheckRun): AsyncIterable<Violation>;
  repair?: Repair;
  /** What can be done where there is no repair, or it does not help. */
  advice: string;
}

export interface Repair {
  /** "member counts are counted anew" */
  about: string;
  /** Makes right what is wrong, also what was not found; how many that were. Safe while Parley is in use. */
  run(database: Database, run: CheckRun): Promise<number>;
}

export interface Finding {
  check: Check;
  count: number;
  /** The first of them. */
  examples: readonly Violation[];
}

const maxExamples = 20;

/** Rejects when it is aborted, or the database fails. */
export async function runCheck(check: Check, database: Database, run: CheckRun): Promise<Finding> {
  const examples: Violation[] = [];
  let count = 0;
  for await (const violation of check.check(database, run)) {
    run.signal.throwIfAborted();
    count += 1;
    if (examples.length < maxExamples) examples.push(violation);
  }
  run.signal.throwIfAborted();
  return { check, count, examples };
}
