/** Results that are kept in the database. */
import type { Statement } from "#platform/database.ts";

export const insertChunk: Statement = {
  name: "search.results.insert",
  text: "INSERT INTO search.results (task_id, attempt, chunk, message_ids) VALUES ($1, $2, $3, $4)",
};

export const selectChunk: Statement = {
  name: "search.results.select",
  text: `SELECT message_ids AS ids FROM search.results WHERE task_id = $1 AND attempt = $2 AND chunk = $3`,
};

export const deleteResults: Statement = {
  name: "search.results.delete",
  text: "DELETE FROM search.results WHERE task_id = $1 AND attempt = $2",
};
