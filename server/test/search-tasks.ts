/** Search tasks at pods of a test's own: pods on the file's database with a messenger that does as it is told, and what is asked of them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterEach, beforeEach } from "node:test";
import type { SearchTask } from "@parley/api/v2/search";
import { toPublicError } from "#platform/errors.ts";
import { createTestDatabase } from "#test/database.ts";
import { as } from "#test/pod-user.ts";
import {
  createFakeMessenger,
  type FakeMessenger,
  type SearchPod,
  type SearchPodOptions,
  startSearchPod,
} from "#test/search-pod.ts";
import { until } from "#test/until.ts";

export interface TaskRig {
  /** Each test has one of its own. */
  messenger: FakeMessenger;
  startPod(options?: Partial<SearchPodOptions>): Promise<SearchPod>;
  sql<Row extends Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Of the queue of this name, done ones left out. */
  countJobs(queue: string): Promise<number>;
}

/** To be called at the top level of a test file. */
export async function createTaskRig(): Promise<TaskRig> {
  const { database } = await createTestDatabase();
  const pods: SearchPod[] = [];
  const rig: TaskRig = {
    messenger: createFakeMessenger(),
    async startPod(options = {}) {
      const pod = await startSearchPod({ database, messenger: rig.messenger, ...options });
      pods.push(pod);
      return pod;
    },
    sql: <Row extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
      database.query<Row>({ name: `test ${createHash("sha1").update(text).digest("hex")}`, text }, values),
    async countJobs(queue) {
      const text = "SELECT count(*) FROM search_jobs.job WHERE name = $1";
      return (await rig.sql<{ count: number }>(text, [queue]))[0]!.count;
    },
  };
  beforeEach(() => {
    rig.messenger = createFakeMessenger();
  });
  // What waits is anybody's who shares the database.
  afterEach(async () => {
    rig.messenger.onFind = async () => {};
    await Promise.all(pods.splice(0).map((pod) => pod.stop()));
    await rig.sql("DELETE FROM search.tasks");
    await rig.sql("DELETE FROM search_jobs.job");
  });
  return rig;
}

export async function problemOf(call: Promise<unknown>) {
  try {
    await call;
  } catch (error) {
    return toPublicError(error);
  }
  throw new Error("it did not fail");
}

export const codeOf = async (call: Promise<unknown>) => (await problemOf(call)).code;

export async function createTask({ search }: SearchPod, user: string, query = "whale"): Promise<SearchTask> {
  return (await search.createSearchTask({ query }, as(user))).task!;
}

export async function taskOf({ search }: SearchPod, user: string, id: string): Promise<SearchTask> {
  return (await search.getSearchTask({ id }, as(user))).task!;
}

/** As it is when it is done or has failed. */
export async function ended(pod: SearchPod, user: string, id: string): Promise<SearchTask> {
  let task = await taskOf(pod, user, id);
  await until(
    () => `the end of a task that is ${task.status}`,
    async () => {
      task = await taskOf(pod, user, id);
      return task.status === "done" || task.status === "failed";
    },
  );
  return task;
}

/** The ids of all pages. */
export async function resultsOf(
  { search }: SearchPod,
  user: string,
  id: string,
  limit = 50,
): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const page = await search.listSearchResults({ id, limit, cursor }, as(user));
    assert.ok(page.hits.length <= limit);
    ids.push(...page.hits.map(({ message }) => message!.id));
    cursor = page.nextCursor;
  }
  return ids;
}
