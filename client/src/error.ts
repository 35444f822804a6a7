/** One error class for all that can go wrong, by its code: the server's registry, and the client's own codes. */
export interface Violation {
  field: string;
  message: string;
}

export interface ParleyErrorInit {
  /** HTTP status; 0 when there was no answer. */
  status?: number;
  detail?: string;
  violations?: Violation[];
  traceId?: string | undefined;
  /** How long the server asks to wait before the next try. */
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/**
 * `code` is one of the server's registry, or of the client itself: "network" (no connection, or it broke),
 * "timeout" (no answer in time), "closed" (the client was closed), "signed-out", "outbox-full".
 */
export class ParleyError extends Error {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly violations: Violation[];
  readonly traceId: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, init: ParleyErrorInit = {}) {
    super(
      init.detail ? `${code}: ${init.detail}` : code,
      init.cause === undefined ? undefined : { cause: init.cause },
    );
    this.name = "ParleyError";
    this.code = code;
    this.status = init.status ?? 0;
    this.detail = init.detail ?? "";
    this.violations = init.violations ?? [];
    this.traceId = init.traceId;
    this.retryAfterMs = init.retryAfterMs;
  }
}

/** Codes of refusals that say nothing about the request itself: the same request may pass later. */
const transientCodes = new Set([
  "network",
  "timeout",
  "unavailable",
  "circuit-open",
  "overloaded",
  "too-many-requests",
  "blob-store-unavailable",
  "cancelled",
]);

export function isTransient(error: unknown): boolean {
  return error instanceof ParleyError && transientCodes.has(error.code);
}

/** Refusals that a fresh access token may cure. */
export function isTokenRefused(error: unknown): boolean {
  return error instanceof ParleyError && (error.code === "token-expired" || error.code === "unauthenticated");
}
