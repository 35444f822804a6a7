/** Logs what a caller is told nothing about. Callers' own mistakes are not logged. */
import type { PublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";

export interface Failure {
  told: PublicError;
  error: unknown;
  /** The method or route that was called; never with its parameters. */
  called: string;
  traceId: string;
}

export function logFailure(log: Log, { told, error, called, traceId }: Failure): void {
  if (told.status < 500) return;
  // The circuit has told of its opening; each call that it refuses is no news.
  if (told.code === "circuit-open") return;
  // Said without a stack: whoever overloads the server must not fill the log as well.
  const isRefusal = told.code === "overloaded";
  const fields = { traceId, called, code: told.code, ...(isRefusal ? {} : { error: describe(error) }) };
  if (told.code === "internal") log.error(fields, "a call failed");
  else log.warn(fields, "a call failed");
}

const maxCauses = 5;

/**
 * An error and its causes by name, message and stack only: other properties of errors (a database's detail, say) can
 * hold what users wrote.
 */
function describe(error: unknown): object[] {
  const chain: object[] = [];
  let current: unknown = error;
  while (current instanceof Error && chain.length < maxCauses) {
    const { name, message, stack } = current;
    chain.push({ name, message, stack });
    current = current.cause;
  }
  if (current !== undefined && !(current instanceof Error)) chain.push({ message: String(current) });
  return chain;
}
