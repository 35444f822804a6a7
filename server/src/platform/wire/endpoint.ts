/** One process that serves a service: a gRPC transport with one connection, which is made anew when it is lost. */
import { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "@parley/api/v2/errors";
import { fault, toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import type { SignHeaders } from "#platform/wire/credentials.ts";
import { createLiveness } from "#platform/wire/liveness.ts";
import { timeHeader } from "#platform/wire/time-header.ts";

/** The call may or may not have been carried out. */
export class ConnectionLostError extends Error {
  constructor(cause: unknown) {
    super("the connection to the service was lost", { cause });
    this.name = "ConnectionLostError";
  }
}

/** The call has certainly not been carried out. */
export class NotSentError extends Error {
  constructor(cause: unknown) {
    super("the service cannot be reached", { cause });
    this.name = "NotSentError";
  }
}

export interface Endpoint {
  readonly url: string;
  /** Rejects with NotSentError and ConnectionLostError besides what the service answers. */
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

const connectTimeoutMs = 2_000;
// A process that hangs keeps its connections: only an unanswered ping tells.
const ping = { pingIntervalMs: 1_000, pingTimeoutMs: 2_000, idleConnectionTimeoutMs: 300_000 };
const maxMessageBytes = 67_108_864;
const windowBytes = 1_048_576;

export function createEndpoint({ url, sign, onTime, log }: EndpointOptions): Endpoint {
  const settings = { initialWindowSize: windowBytes };
  const sessionManager = new Http2SessionManager(url, ping, { settings });
  const liveness = createLiveness(url);
  const noted = (error: unknown) => {
    if (error instanceof NotSentError || error instanceof ConnectionLostError) liveness.suspect();
    return error;
  };
  const onRefused = (error: unknown) => {
    log.error(
      { err: error, url },
      "a service does not accept this process: is PARLEY_SERVICE_TOKEN the same for both?",
    );
    return new NotSentError(error);
  };
  const inner = createGrpcTransport({
    baseUrl: url,
    sessionManager,
    interceptors: [signing(sign, onTime)],
    acceptCompression: [],
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
  });
  return {
    url,
    transport: {
      async unary(method, signal, timeoutMs, ...rest) {
        await connected(sessionManager).catch((error) => {
          throw noted(error);
        });
        for (let attempt = 1; ; attempt++) {
          try {
            return await inner.unary(method, signal, timeoutMs, ...rest);
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

async function connected(sessions: Http2SessionManager): Promise<void> {
  const state = sessions.state();
  if (state === "open" || state === "idle") return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"error">((resolve) => {
    timer = setTimeout(() => {
      sessions.abort(new Error("no connection in time"));
      resolve("error");
    }, connectTimeoutMs);
  });
  const outcome = await Promise.race([sessions.connect(), late]);
  clearTimeout(timer);
  if (outcome === "error") throw new NotSentError(sessions.error());
}

const isRefusal = (error: unknown) => toPublicError(error).code === "service-refused";

/** An answer of the service says what is wrong (ErrorInfo); whatever does not, came from the connection. */
function toWireError(error: unknown): unknown {
  if (!(error instanceof ConnectError)) return new ConnectionLostError(error);
  if (error.findDetails(ErrorInfoSchema).length > 0) return restate(error);
  if (error.code === Code.DeadlineExceeded) return error;
  // RFC 9113, 8.7: a refused stream has not been processed.
  return error.message.includes("REFUSED_STREAM") ? new NotSentError(error) : new ConnectionLostError(error);
}

/** The same error as if it had been thrown here: none of the headers that it came with. */
function restate(error: ConnectError): ConnectError {
  const { code, detail, violations } = toPublicError(error);
  return fault(code, { detail, violations, cause: error });
}

function signing(sign: SignHeaders, onTime: EndpointOptions["onTime"]): Interceptor {
  return (next) => async (request) => {
    await sign(request.header);
    const startedAtMs = performance.now();
    const noteTime = (headers: Headers) => {
      const time = headers.get(timeHeader);
      if (time) onTime(Number(time), performance.now() - startedAtMs);
    };
    try {
      const response = await next(request);
      noteTime(response.header);
      return response;
    } catch (error) {
      if (error instanceof ConnectError) noteTime(error.metadata);
      throw error;
    }
  };
}
