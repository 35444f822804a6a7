/** One process that serves a service: gRPC on connections that are made anew when they are lost. */
import type { Transport } from "@connectrpc/connect";
import { toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import { createLogInterval } from "#platform/log-interval.ts";
import { streamResponse } from "#platform/stream-response.ts";
import { attemptStream, attemptUnary, type Outcomes } from "#platform/wire/attempts.ts";
import { createConnection } from "#platform/wire/connection.ts";
import type { SignHeaders } from "#platform/wire/credentials.ts";
import { callWindowBytes, transferWindowBytes } from "#platform/wire/limits.ts";
import { createLiveness, type Liveness } from "#platform/wire/liveness.ts";
import { timeHeader } from "#platform/wire/time-header.ts";
import { notSent, wireErrorOf } from "#platform/wire/wire-error.ts";

export interface Endpoint {
  readonly url: string;
  /** Rejects with what the service answers, and with "unavailable" because of a WireError. */
  readonly transport: Transport;
  /** To be passed over while there are others. */
  readonly isSuspect: boolean;
  close(): void;
}

export interface EndpointOptions {
  url: string;
  sign: SignHeaders;
  /** What the service said the time is, and how long asking took. */
  onTime(timeMs: number, roundTripMs: number): void;
  log: Log;
}

/** Every call is refused then: one line says as much as a thousand. */
const logRefusalEveryMs = 10_000;

export function createEndpoint({ url, sign, onTime, log }: EndpointOptions): Endpoint {
  const liveness = createLiveness(url);
  const toConnection = (streamWindowBytes: number) =>
    createConnection({
      url,
      streamWindowBytes,
      sign,
      unreachable(cause) {
        liveness.suspect();
        return notSent(cause);
      },
      onAnswer(headers, roundTripMs) {
        const time = Number(headers[timeHeader]);
        if (time) onTime(time, roundTripMs);
      },
    });
  const forCalls = toConnection(callWindowBytes);
  // Of its own: what waits to be sent of a transfer would make calls wait as well. Made when the first one comes.
  const forTransfers = toConnection(transferWindowBytes);
  const outcomes = createOutcomes(url, liveness, log);
  return {
    url,
    transport: {
      unary: (...call) => attemptUnary(forCalls, outcomes, call) as never,
      async stream(method, ...call) {
        return streamResponse(
          method,
          attemptStream(forTransfers, outcomes, [method as never, ...call]) as never,
        );
      },
    },
    get isSuspect() {
      return liveness.isSuspect;
    },
    close() {
      liveness.stop();
      forCalls.close();
      forTransfers.close();
    },
  };
}

function createOutcomes(url: string, liveness: Liveness, log: Log): Outcomes {
  const isTimeToLog = createLogInterval(logRefusalEveryMs);
  return {
    noted(error) {
      if (wireErrorOf(error)) liveness.suspect();
      // The pings of the connection tell of a process that hangs only if its calls have more patience than they.
      else if (toPublicError(error).code === "timeout") liveness.doubt();
      return error;
    },
    refused(error) {
      if (isTimeToLog()) {
        log.error(
          { err: error, url },
          "a service does not accept this process: is PARLEY_SERVICE_TOKEN the same for both?",
        );
      }
      return notSent(error);
    },
  };
}
