/**
 * The error registry: every error that leaves Parley carries one of these codes, on every transport.
 * A code once published keeps its meaning.
 */
import { toBinary } from "@bufbuild/protobuf";
import { DurationSchema, durationFromMs } from "@bufbuild/protobuf/wkt";
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
  "digest-mismatch": {
    grpc: Code.InvalidArgument,
    status: 400,
    title: "The bytes are not those that their digest says",
  },
  unauthenticated: { grpc: Code.Unauthenticated, status: 401, title: "Sign in first" },
  "token-expired": { grpc: Code.Unauthenticated, status: 401, title: "The access token has expired" },
  "bad-credentials": { grpc: Code.Unauthenticated, status: 401, title: "Wrong email or password" },
  "refresh-token-invalid": {
    grpc: Code.Unauthenticated,
    status: 401,
    title: "The refresh token is not valid",
  },
  "ticket-invalid": { grpc: Code.Unauthenticated, status: 401, title: "The WebSocket ticket is not valid" },
  "service-refused": {
    grpc: Code.Unauthenticated,
    status: 401,
    title: "The service credential is not valid",
  },
  "payment-required": {
    grpc: Code.FailedPrecondition,
    status: 402,
    title: "Only paid providers take it now, and you have no access to them",
  },
  "spend-cap-reached": { grpc: Code.FailedPrecondition, status: 402, title: "No more may be spent today" },
  forbidden: { grpc: Code.PermissionDenied, status: 403, title: "Not allowed" },
  "origin-not-allowed": { grpc: Code.PermissionDenied, status: 403, title: "This web origin is not allowed" },
  "route-not-found": { grpc: Code.Unimplemented, status: 404, title: "There is no such route or method" },
  "chat-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such chat among yours" },
  "message-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such message in this chat" },
  "member-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such member in this chat" },
  "user-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such user" },
  "session-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such session among yours" },
  "process-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such request among yours" },
  "search-task-not-found": {
    grpc: Code.NotFound,
    status: 404,
    title: "There is no such search task among yours",
  },
  "blob-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such blob among yours" },
  "upload-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such upload among yours" },
  "attachment-not-found": {
    grpc: Code.NotFound,
    status: 404,
    title: "There is no such attachment to this message",
  },
  "processor-not-found": { grpc: Code.NotFound, status: 404, title: "There is no such processor" },
  "method-not-allowed": { grpc: Code.Unimplemented, status: 405, title: "The route has no such method" },
  "request-timeout": {
    grpc: Code.DeadlineExceeded,
    status: 408,
    title: "The rest of the request did not come in time",
  },
  "account-exists": { grpc: Code.AlreadyExists, status: 409, title: "There is such an account already" },
  "owner-required": { grpc: Code.FailedPrecondition, status: 409, title: "The chat needs an owner" },
  "search-task-not-done": {
    grpc: Code.FailedPrecondition,
    status: 409,
    title: "The search task has no results yet",
  },
  "upload-offset-mismatch": {
    grpc: Code.Aborted,
    status: 409,
    title: "The upload does not stand where these bytes begin",
  },
  "upload-incomplete": {
    grpc: Code.FailedPrecondition,
    status: 409,
    title: "The bytes of the upload have not arrived yet",
  },
  "direct-transfer-unavailable": {
    grpc: Code.FailedPrecondition,
    status: 409,
    title: "Bytes cannot go straight to or from the object store here",
  },
  "precondition-failed": {
    grpc: Code.FailedPrecondition,
    status: 412,
    title: "The blob is not as the request says it must be",
  },
  "quota-exceeded": {
    grpc: Code.ResourceExhausted,
    status: 413,
    title: "You have no room left for so many bytes",
  },
  "too-large": { grpc: Code.ResourceExhausted, status: 413, title: "The request is too large" },
  "unsupported-media-type": {
    grpc: Code.InvalidArgument,
    status: 415,
    title: "The content type is not supported",
  },
  "range-not-satisfiable": {
    grpc: Code.OutOfRange,
    status: 416,
    title: "The blob has no such range",
  },
  "idempotency-key-reused": {
    grpc: Code.InvalidArgument,
    status: 422,
    title: "The idempotency key was used for something else",
  },
  "too-many-requests": { grpc: Code.ResourceExhausted, status: 429, title: "Too many requests" },
  "too-many-search-tasks": {
    grpc: Code.ResourceExhausted,
    status: 429,
    title: "Too many of your search tasks wait or run",
  },
  cancelled: { grpc: Code.Canceled, status: 499, title: "The caller went away" },
  internal: { grpc: Code.Internal, status: 500, title: "Something went wrong on the server" },
  "provider-failed": {
    grpc: Code.Aborted,
    status: 502,
    title: "No provider gave a usable answer",
  },
  overloaded: { grpc: Code.Unavailable, status: 503, title: "The server is busy" },
  unavailable: { grpc: Code.Unavailable, status: 503, title: "The service is away for the moment" },
  "circuit-open": {
    grpc: Code.Unavailable,
    status: 503,
    title: "The service is away for the moment; calls to it are held back until it answers again",
  },
  "no-provider": { grpc: Code.Unavailable, status: 503, title: "No provider takes requests for the moment" },
  "requests-unavailable": {
    grpc: Code.Unavailable,
    status: 503,
    title: "Requests cannot be written down or looked up for the moment; nothing was sent",
  },
  "search-unavailable": {
    grpc: Code.Unavailable,
    status: 503,
    title: "Messages cannot be searched for the moment",
  },
  "blob-store-unavailable": {
    grpc: Code.Unavailable,
    status: 503,
    title: "The bytes of blobs cannot be stored or read for the moment",
  },
  "outcome-unknown": {
    grpc: Code.Aborted,
    status: 504,
    title: "It was sent to a provider, and nobody knows what came of it",
  },
  "storage-full": { grpc: Code.ResourceExhausted, status: 507, title: "The object store has no room left" },
  timeout: { grpc: Code.DeadlineExceeded, status: 504, title: "The service did not answer in time" },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

export interface FaultOptions {
  /** A sentence for the caller; the title of the code when absent. Never holds anything internal. */
  detail?: string | undefined;
  violations?: Pick<Violation, "field" | "message">[];
  /** How long the caller should wait before the next try; told on every transport. */
  retryAfterMs?: number | undefined;
  /** For the log only; never leaves the process. */
  cause?: unknown;
}

/** An error out of the registry, ready to be thrown by any service. */
export function fault(code: ErrorCode, options: FaultOptions = {}): ConnectError {
  const kind = errorKinds[code];
  const retryAfterMs = Math.max(0, Math.ceil(options.retryAfterMs ?? 0));
  const violations = (options.violations ?? []).map((v) => ({ ...v }));
  const info = { desc: ErrorInfoSchema, value: { code, violations, retryAfterMs } };
  const error = new ConnectError(options.detail ?? kind.title, kind.grpc, undefined, [info], options.cause);
  if (retryAfterMs > 0) error.details.push(retryInfo(retryAfterMs));
  return error;
}

/** A google.rpc.RetryInfo, which gRPC clients know; its only field, 1, is a Duration. */
function retryInfo(retryAfterMs: number) {
  const delay = toBinary(DurationSchema, durationFromMs(retryAfterMs));
  return { type: "google.rpc.RetryInfo", value: Uint8Array.of(0x0a, delay.length, ...delay) };
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
  /** Absent: the error says nothing about it. */
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
    const detail = (error as ConnectError).rawMessage;
    const wait = info.retryAfterMs > 0 ? { retryAfterMs: info.retryAfterMs } : {};
    return { code, status, title, detail, violations, ...wait };
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
