/**
 * The error registry: every error that leaves Parley carries one of these codes, on every transport.
 * A code once published keeps its meaning.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, type Violation } from "@parley/api/v2/errors";

export interface ErrorKind {
  readonly grpc: Code;
  readonly status: number;
  readonly title: string;
}

export const errorKinds = {
  "invalid-input": { grpc: Code.InvalidArgument, status: 400, title: "The request is not valid" },
  "malformed-request": { grpc: Code.InvalidArgument, status: 400, title: "The request cannot be read" },
  unauthenticated: { grpc: Code.Unauthenticated, status: 401, title: "Sign in first" },
  "token-expired": { grpc: Code.Unauthenticated, status: 401, title: "The access token has expired" },
  "bad-credentials": { grpc: Code.Unauthenticated, status: 401, title: "Wrong email or password" },
  "refresh-token-invalid": {
    grpc: Code.Unauthenticated,
    status: 401,
    title: "The refresh token is not valid",
  },
  "ticket-invalid": { grpc: Code.Unauthenticated, status: 401, title: "The WebSocket ticket is not valid" },
  forbidden: { grpc: Code.PermissionDenied, status: 403, title: "Not allowed" },
  "origin-not-allowed": { grpc: Code.PermissionDenied, status: 403, title: "This web origin is not allowed" },
  "route-not-found": { grpc: Code.Unimplemented, status: 404, title: "There is no such route or method" },
  "chat-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such chat among yours" },
  "message-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such message in this chat" },
  "member-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such member in this chat" },
  "user-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such user" },
  "session-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such session among yours" },
  "method-not-allowed": { grpc: Code.Unimplemented, status: 405, title: "The route has no such method" },
  "owner-required": { grpc: Code.FailedPrecondition, status: 409, title: "The chat needs an owner" },
  "too-large": { grpc: Code.ResourceExhausted, status: 413, title: "The request is too large" },
  "unsupported-media-type": {
    grpc: Code.InvalidArgument,
    status: 415,
    title: "The content type is not supported",
  },
  "too-many-requests": { grpc: Code.ResourceExhausted, status: 429, title: "Too many requests" },
  cancelled: { grpc: Code.Canceled, status: 499, title: "The caller went away" },
  internal: { grpc: Code.Internal, status: 500, title: "Something went wrong on the server" },
  overloaded: { grpc: Code.Unavailable, status: 503, title: "The server is busy" },
  unavailable: { grpc: Code.Unavailable, status: 503, title: "The service is away for the moment" },
  timeout: { grpc: Code.DeadlineExceeded, status: 504, title: "The service did not answer in time" },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

export interface FaultOptions {
  /** A sentence for the caller; the title of the code when absent. Never holds anything internal. */
  detail?: string | undefined;
  violations?: Pick<Violation, "field" | "message">[];
  /** When it makes sense to try again. */
  retryAfterMs?: number | undefined;
  /** For the log only; never leaves the process. */
  cause?: unknown;
}

/** An error out of the registry, ready to be thrown by any service. */
export function fault(code: ErrorCode, options: FaultOptions = {}): ConnectError {
  const kind = errorKinds[code];
  const info = {
    code,
    violations: (options.violations ?? []).map((v) => ({ ...v })),
    retryAfterMs: Math.ceil(options.retryAfterMs ?? 0),
  };
  return new ConnectError(
    options.detail ?? kind.title,
    kind.grpc,
    undefined,
    [{ desc: ErrorInfoSchema, value: info }],
    options.cause,
  );
}

export function invalidInput(field: string, message: string): ConnectError {
  return fault("invalid-input", { detail: `${field}: ${message}`, violations: [{ field, message }] });
}

/** What a caller is told about an error, whatever the transport. */
export interface PublicError {
  code: ErrorCode;
  status: number;
  title: string;
  detail: string;
  violations: Pick<Violation, "field" | "message">[];
  /** When it makes sense to try again; undefined: unknown, or never. */
  retryAfterMs?: number;
}

const codeByGrpc: Partial<Record<Code, ErrorCode>> = {
  [Code.Canceled]: "cancelled",
  [Code.DeadlineExceeded]: "timeout",
  [Code.Unavailable]: "unavailable",
  [Code.Unimplemented]: "route-not-found",
  [Code.InvalidArgument]: "malformed-request",
  [Code.Unauthenticated]: "unauthenticated",
  [Code.PermissionDenied]: "forbidden",
  [Code.ResourceExhausted]: "too-large",
};

/** The one normaliser. An error that did not come out of the registry tells nothing of itself. */
export function toPublicError(error: unknown): PublicError {
  const info = error instanceof ConnectError ? error.findDetails(ErrorInfoSchema)[0] : undefined;
  if (info && Object.hasOwn(errorKinds, info.code)) {
    const code = info.code as ErrorCode;
    const { status, title } = errorKinds[code];
    const violations = info.violations.map(({ field, message }) => ({ field, message }));
    const retry = info.retryAfterMs > 0 ? { retryAfterMs: info.retryAfterMs } : {};
    return { code, status, title, detail: (error as ConnectError).rawMessage, violations, ...retry };
  }
  const code = isTimeout(error) ? "timeout" : (codeByGrpc[ConnectError.from(error).code] ?? "internal");
  const { status, title } = errorKinds[code];
  return { code, status, title, detail: title, violations: [] };
}

/** What AbortSignal.timeout aborts with; connect-es takes it for a cancellation. */
function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

/** The same error as one out of the registry, with its original as the cause. */
export function toFault(error: unknown): ConnectError {
  if (error instanceof ConnectError && error.findDetails(ErrorInfoSchema).length > 0) return error;
  return fault(toPublicError(error).code, { cause: error });
}
