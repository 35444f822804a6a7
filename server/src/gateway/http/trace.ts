import { parseTraceparent, Trace } from "#platform/trace.ts";

/** For a request that is refused before its call begins. */
export function traceIdOf(header: string | string[] | undefined): string {
  return new Trace(undefined, parseTraceparent(header)).traceId;
}

/** Tells the client by which id its call can be found. */
export const traceIdHeader = "trace-id";
