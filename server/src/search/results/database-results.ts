import type { Database, Statement } from "#platform/database.ts";
import { chunkOf, chunksOf, type ResultStore, readChunks } from "#search/results/results.ts";
import { deleteResults, insertChunk, selectChunk } from "#search/store-results.ts";

/** Gone with their task, at the latest. */
export function createDatabaseResults(database: Database): ResultStore {
  const run = (statement: Statement, values: unknown[]) =>
    database.query<{ ids: string[] }>(statement, values);
  return {
    async write({ id, attempt }, messageIds) {
      await run(deleteResults, [id, attempt]);
      for (let chunk = 0; chunk < chunksOf(messageIds.length); chunk++) {
        await run(insertChunk, [id, attempt, chunk, chunkOf(messageIds, chunk)]);
      }
    },
    read: ({ id, attempt }, from, to) =>
      readChunks(from, to, async (chunk) => (await run(selectChunk, [id, attempt, chunk]))[0]?.ids),
    async remove({ id, attempt }) {
      await run(deleteResults, [id, attempt]);
    },
  };
}
