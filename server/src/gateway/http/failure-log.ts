/** Logs what a caller is told nothing about. Callers' own mistakes are not logged. */
import { callIds, type FinishedCall } from "#gateway/call-observer.ts";
import { describeError } from "#platform/describe-error.ts";
import type { PublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";

export interface Failure extends Pick<FinishedCall, "trace" | "caller" | "chatId"> {
  told: PublicError;
  error: unknown;
  /** The method or route that was called; never with its parameters. */
  called: string;
}

export function logFailure(log: Log, failure: Failure): void {
  const { told, error, called } = failure;
  if (told.status < 500) return;
  // The circuit has told of its opening; each call that it refuses is no news.
  if (told.code === "circuit-open") return;
  // Said without a stack: whoever overloads the server must not fill the log as well.
  const isRefusal = told.code === "overloaded";
  const cause = isRefusal ? {} : { error: describeError(error) };
  const fields = { ...callIds(failure), called, code: told.code, ...cause };
  if (told.code === "internal") log.error(fields, "a call failed");
  else log.warn(fields, "a call failed");
}
