/** The ids of what tasks found, the newest first. Never texts: they are read when they are shown. */
import type { ResultPlace, TaskAttempt, TaskRow } from "#search/tasks/task-row.ts";

export type ResultKey = Pick<TaskAttempt, "id" | "attempt">;

export interface ResultStore {
  /** What was written for the attempt before is replaced. */
  write(key: ResultKey, messageIds: readonly string[]): Promise<void>;
  /** From one place to before another, both below the count of all. Undefined: they are lost. */
  read(key: ResultKey, from: number, to: number): Promise<string[] | undefined>;
  remove(key: ResultKey, count: number): Promise<void>;
}

export interface Results {
  /** Answers where they are. */
  write(key: ResultKey, messageIds: readonly string[]): Promise<ResultPlace | "">;
  read(
    task: Pick<TaskRow, "id" | "attempt" | "resultsIn">,
    from: number,
    to: number,
  ): Promise<string[] | undefined>;
  /** Never rejects: what is left goes by itself. */
  remove(task: Pick<TaskRow, "id" | "attempt" | "resultsIn" | "resultCount">): Promise<void>;
}

const idsPerChunk = 1_000;

export const chunksOf = (count: number): number => Math.ceil(count / idsPerChunk);

export const chunkOf = (messageIds: readonly string[], chunk: number): string[] =>
  messageIds.slice(chunk * idsPerChunk, (chunk + 1) * idsPerChunk);

/** What lies between two places, by way of the chunks that hold it; undefined when one of them is not there, or short. */
export async function readChunks(
  from: number,
  to: number,
  readChunk: (chunk: number) => Promise<string[] | undefined>,
): Promise<string[] | undefined> {
  const ids: string[] = [];
  for (let at = from; at < to; ) {
    const chunk = Math.floor(at / idsPerChunk);
    const start = chunk * idsPerChunk;
    const end = Math.min(to, start + idsPerChunk);
    const part = (await readChunk(chunk))?.slice(at - start, end - start);
    if (part?.length !== end - at) return undefined;
    ids.push(...part);
    at = end;
  }
  return ids;
}
