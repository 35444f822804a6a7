import { type DestinationStream, type Logger, pino } from "pino";
import { describeError } from "#platform/describe-error.ts";

export type Log = Logger;

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Secrets never reach a log: what could hold one is cut out, at whatever depth handlers pass it. */
const redacted = [
  "password",
  "accessToken",
  "refreshToken",
  "ticket",
  "text",
  "authorization",
  "cookie",
  "headers",
];

/** JSON lines on standard error, so that standard output stays free for what a person reads. */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  const paths = redacted.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino(
    {
      level,
      base: null,
      redact: { paths, censor: "[redacted]" },
      // pino's own would log every property of an error.
      serializers: { err: describeError },
    },
    destination ?? pino.destination({ dest: 2, sync: false }),
  );
}
