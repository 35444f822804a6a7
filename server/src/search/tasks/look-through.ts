/** Pages through all that matches, for as long as a task may: the newest first. */
import { setTimeout as delay } from "node:timers/promises";
import { fromBinary } from "@bufbuild/protobuf";
import { FindOrder, MessageQuerySchema } from "@parley/api/internal/messenger";
import type { SearchClients } from "#search/clients.ts";
import type { TaskRow } from "#search/tasks/task-row.ts";
import { isTimeout } from "#search/upstream.ts";

export interface LookOptions {
  messenger: Pick<SearchClients["messenger"], "findMessages">;
  maxResults: number;
  timeoutMs: number;
  signal: AbortSignal;
  /** Told how much was found so far; answers whether to go on. */
  onPage(found: number): Promise<boolean>;
}

export interface Found {
  messageIds: string[];
  partial: boolean;
}

const idsPerCall = 1_000;
/** So often somebody who waits sees how far it is, and a task that was deleted ends. */
const budgetPerCallMs = 1_000;
/** What is found at the last moment should still arrive. */
const arrivalMs = 100;
/** After a call that got nowhere. */
const pauseMs = 100;
/** Timers may fire a little before their time. */
const timerSlackMs = 20;

/** Undefined: it is not to go on. */
export async function lookThrough(task: TaskRow, options: LookOptions): Promise<Found | undefined> {
  const over = new AbortController();
  const overdue = Promise.withResolvers<undefined>();
  const expire = () => {
    overdue.resolve(undefined);
    over.abort();
  };
  const timer = setTimeout(expire, options.timeoutMs);
  const deadlineMs = performance.now() + options.timeoutMs;
  const signal = AbortSignal.any([options.signal, over.signal]);
  try {
    const isOver = () => over.signal.aborted;
    return await turnPages(task, { ...options, signal, deadlineMs, overdue: overdue.promise, isOver });
  } finally {
    clearTimeout(timer);
  }
}

interface Pages extends LookOptions {
  /** By performance.now(). */
  deadlineMs: number;
  /** Resolves at the deadline: a messenger that hangs must not keep us. */
  overdue: Promise<undefined>;
  isOver(): boolean;
}

async function turnPages(task: TaskRow, pages: Pages): Promise<Found | undefined> {
  const { onPage, overdue, maxResults } = pages;
  const messageIds: string[] = [];
  let partial = false;
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const page = findPage(task, pages, {
      cursor,
      limit: Math.min(idsPerCall, maxResults - messageIds.length),
    });
    const answer = await Promise.race([page, overdue]);
    if (!answer) return { messageIds, partial: true };
    messageIds.push(...answer.messageIds);
    const { nextCursor } = answer;
    if (nextCursor !== undefined && messageIds.length >= maxResults) return { messageIds, partial: true };
    // A database that is busy now may be less so soon, and there is time left.
    if (nextCursor === cursor && answer.messageIds.length === 0) {
      await Promise.race([delay(pauseMs), overdue]);
    }
    partial = answer.partial && nextCursor === undefined;
    cursor = nextCursor;
    if (!(await onPage(messageIds.length))) return undefined;
  }
  return { messageIds, partial };
}

/** Undefined: its time is over. */
async function findPage(
  { userId, messageQuery }: TaskRow,
  { messenger, signal, deadlineMs, isOver }: Pages,
  { cursor, limit }: { cursor: string; limit: number },
) {
  const leftMs = deadlineMs - performance.now();
  if (leftMs <= 0 || !messageQuery) return undefined;
  const budgetMs = Math.ceil(Math.max(1, Math.min(budgetPerCallMs, leftMs - arrivalMs)));
  const query = fromBinary(MessageQuerySchema, messageQuery);
  try {
    return await messenger.findMessages(
      { userId, query, order: FindOrder.NEWEST, limit, cursor, budgetMs },
      { timeoutMs: Math.ceil(leftMs), signal },
    );
  } catch (error) {
    // A call's deadline and ours are the same.
    if (isOver() || (isTimeout(error) && performance.now() >= deadlineMs - timerSlackMs)) return undefined;
    throw error;
  }
}
