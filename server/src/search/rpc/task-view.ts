/** A search task as its owner sees it. */
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type SearchTask, SearchTaskSchema } from "@parley/api/v2/search";
import type { TaskRow } from "#search/tasks/task-row.ts";

export function taskView(task: TaskRow): SearchTask {
  const { id, status, query, partial, resultCount, errorCode } = task;
  return create(SearchTaskSchema, {
    id,
    status,
    query,
    partial,
    resultCount,
    errorCode,
    createdAt: timestampFromDate(task.createdAt),
    ...(task.startedAt ? { startedAt: timestampFromDate(task.startedAt) } : {}),
    ...(task.finishedAt ? { finishedAt: timestampFromDate(task.finishedAt) } : {}),
    ...(task.expiresAt ? { expiresAt: timestampFromDate(task.expiresAt) } : {}),
  });
}
