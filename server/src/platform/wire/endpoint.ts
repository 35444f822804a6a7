/** One process that serves a service: a gRPC transport with one connection, which is made anew when it is lost. */
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "@parley/api/v2/errors";
import { fault, toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import { createLogInterval } from "#platform/log-interval.ts";
import { createConnecting } from "#platform/wire/connecting.ts";
import type { SignHeaders } from "#platform/wire/credentials.ts";
import { createGrpcClient } from "#platform/wire/grpc-client.ts";
import { withHandledErrors } from "#platform/wire/handled-errors.ts";
import { createLiveness } from "#platform/wire/liveness.ts";
import { timeHeader } from "#platform/wire/time-header.ts";

/** Why a call is "unavailable": the cause of the fault that is thrown. */
export class WireError extends Error {
  /** False: the call has certainly not been carried out. */
  readonly mayBeCarriedOut: boolean;

  constructor(message: string, mayBeCarriedOut: boolean, cause: unknown) {
    super(message, { cause });
    this.name = "WireError";
    this.mayBeCarriedOut = mayBeCarriedOut;
  }
}

export function connectionLost(cause: unknown): ConnectError {
  return fault("unavailable", {
    cause: new WireError("the connection to the service was lost", true, cause),
  });
}

export function notSent(cause: unknown): ConnectError {
  return fault("unavailable", { cause: new WireError("the service cannot be reached", false, cause) });
}

/** Undefined for what the service itself answered. */
export function wireErrorOf(error: unknown): WireError | undefined {
  return error instanceof Error && error.cause instanceof WireError ? error.cause : undefined;
}

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

// A process that hangs keeps its connections: only an unanswered ping tells. One that is slow by two seconds does not hang.
const ping = { pingIntervalMs: 1_000, pingTimeoutMs: 3_000, idleConnectionTimeoutMs: 300_000 };
/** Every call is refused then: one line says as much as a thousand. */
const logRefusalEveryMs = 10_000;
const maxMessageBytes = 67_108_864;
const windowBytes = 1_048_576;

export function createEndpoint({ url, sign, onTime, log }: EndpointOptions): Endpoint {
  const settings = { initialWindowSize: windowBytes };
  const sessionManager = new Http2SessionManager(url, ping, { settings });
  const liveness = createLiveness(url);
  const connecting = createConnecting(sessionManager, (cause) => {
    liveness.suspect();
    return notSent(cause);
  });
  const noted = (error: unknown) => {
    if (wireErrorOf(error)) liveness.suspect();
    // The pings of the connection tell of a process that hangs only if its calls have more patience than they.
    else if (toPublicError(error).code === "timeout") liveness.doubt();
    return error;
  };
  const isTimeToLog = createLogInterval(logRefusalEveryMs);
  const onRefused = (error: unknown) => {
    if (isTimeToLog()) {
      log.error(
        { err: error, url },
        "a service does not accept this process: is PARLEY_SERVICE_TOKEN the same for both?",
      );
    }
    return notSent(error);
  };
  const inner = createGrpcClient({
    sessions: withHandledErrors(sessionManager),
    maxMessageBytes,
    sign,
    onAnswer(headers, roundTripMs) {
      const time = Number(headers[timeHeader]);
      if (time) onTime(time, roundTripMs);
    },
  });
  return {
    url,
    transport: {
      async unary(method, signal, timeoutMs, ...rest) {
        const endsAtMs = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
        for (let attempt = 1; ; attempt++) {
          try {
            if (!connecting.isConnected) await connecting.untilConnected(signal, leftUntil(endsAtMs));
            return await inner.unary(method, signal, leftUntil(endsAtMs), ...rest);
          } catch (error) {
            if (signal?.aborted) throw error;
            if (!isRefusal(error)) throw noted(toWireError(error));
            // It told its time along with the refusal: the next signature is made with that.
            if (attempt === 2) throw onRefused(error);
          }
        }
      },
      stream() {
        throw fault("route-not-found", { detail: "Streaming calls do not exist" });
      },
    },
    get isSuspect() {
      return liveness.isSuspect;
    },
    close() {
      liveness.stop();
      sessionManager.abort();
    },
  };
}

function leftUntil(endsAtMs: number | undefined): number | undefined {
  if (endsAtMs === undefined) return undefined;
  const leftMs = Math.ceil(endsAtMs - performance.now());
  if (leftMs <= 0) throw fault("timeout");
  return leftMs;
}

const isRefusal = (error: unknown) => toPublicError(error).code === "service-refused";

/** An answer of the service says what is wrong (ErrorInfo); whatever does not, came from the connection. */
function toWireError(error: unknown): unknown {
  if (wireErrorOf(error)) return error;
  if (!(error instanceof ConnectError)) return connectionLost(error);
  if (error.findDetails(ErrorInfoSchema).length > 0) return restate(error);
  if (error.code === Code.DeadlineExceeded) return error;
  return neverSent.some((sign) => error.message.includes(sign)) ? notSent(error) : connectionLost(error);
}

/**
 * A refused stream has not been processed (RFC 9113, 8.7). The others are Node's, for a stream that could not be opened
 * because the connection had just ended, or had been told to (ERR_HTTP2_INVALID_SESSION, ERR_HTTP2_GOAWAY_SESSION).
 */
const neverSent = [
  "REFUSED_STREAM",
  "The session has been destroyed",
  "New streams cannot be created after receiving a GOAWAY",
];

/** The same error as if it had been thrown here: none of the headers that it came with. */
function restate(error: ConnectError): ConnectError {
  const { code, ...told } = toPublicError(error);
  return fault(code, { ...told, cause: error });
}
