import type { Actor } from "#platform/actor.ts";
import { fault } from "#platform/errors.ts";
import { isUuid } from "#platform/uuid.ts";
import type { Tasks } from "#search/tasks/create-tasks.ts";
import type { TaskRow } from "#search/tasks/task-row.ts";

/** One that is somebody else's, or whose time is over, is as if it had never been. */
export async function requireTask(
  tasks: Pick<Tasks, "find">,
  id: string,
  { userId }: Pick<Actor, "userId">,
): Promise<TaskRow> {
  const task = isUuid(id) ? await tasks.find(id, userId) : undefined;
  if (!task) throw fault("search-task-not-found");
  return task;
}
