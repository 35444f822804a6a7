/** One HTTP exchange with Parley: JSON in, JSON out, errors as ParleyError, within a deadline. */
import { ParleyError, type Violation } from "./error.ts";

export interface HttpOptions {
  /** Base URL, e.g. "https://chat.example.org". */
  url: string;
  fetch: typeof fetch;
  timeoutMs: number;
  /** Ends every exchange with "closed". */
  closed: AbortSignal;
}

export interface HttpRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path and query. */
  path: string;
  body?: unknown;
  accessToken?: string;
  /** The caller's: when it is aborted, the exchange rejects with its reason. */
  signal?: AbortSignal;
}

export async function exchange<T>(options: HttpOptions, request: HttpRequest): Promise<T> {
  const deadline = AbortSignal.timeout(options.timeoutMs);
  try {
    const response = await options.fetch(options.url + request.path, {
      method: request.method,
      headers: {
        accept: "application/json",
        ...(request.body === undefined ? {} : { "content-type": "application/json" }),
        ...(request.accessToken ? { authorization: `Bearer ${request.accessToken}` } : {}),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      signal: AbortSignal.any([deadline, options.closed, ...(request.signal ? [request.signal] : [])]),
    });
    const text = await response.text();
    if (!response.ok) throw problem(response, text);
    return (text === "" ? {} : JSON.parse(text)) as T;
  } catch (cause) {
    throw breakOf(cause, { closed: options.closed, deadline, caller: request.signal });
  }
}

/** What to throw when an exchange ended without an answer. */
export function breakOf(
  cause: unknown,
  {
    closed,
    deadline,
    caller,
  }: { closed: AbortSignal; deadline: AbortSignal; caller: AbortSignal | undefined },
): unknown {
  if (cause instanceof ParleyError) return cause;
  if (closed.aborted) return new ParleyError("closed");
  if (caller?.aborted) return caller.reason;
  if (deadline.aborted) return new ParleyError("timeout", { detail: "No answer in time", cause });
  return new ParleyError("network", { detail: "The server cannot be reached", cause });
}

interface Problem {
  code?: string;
  detail?: string;
  title?: string;
  traceId?: string;
  violations?: Violation[];
  retryAfterMs?: number;
}

/** Codes for answers that are not Parley's own, such as a proxy's. */
const codeByStatus: Record<number, string> = {
  401: "unauthenticated",
  403: "forbidden",
  408: "timeout",
  413: "too-large",
  429: "too-many-requests",
  502: "unavailable",
  503: "unavailable",
  504: "timeout",
};

/** What an answer that is not ok says. */
export function problem(response: Response, text: string): ParleyError {
  const body = readProblem(response, text);
  return new ParleyError(body.code ?? codeByStatus[response.status] ?? "internal", {
    status: response.status,
    detail: body.detail ?? body.title ?? response.statusText,
    violations: body.violations ?? [],
    traceId: body.traceId,
    // The header has whole seconds only.
    retryAfterMs: body.retryAfterMs ?? retryAfterMs(response.headers.get("retry-after")),
  });
}

function readProblem(response: Response, text: string): Problem {
  if (!response.headers.get("content-type")?.includes("json")) return {};
  try {
    return (JSON.parse(text) as Problem | null) ?? {};
  } catch {
    return {};
  }
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
export function retryAfterMs(header: string | null, nowMs = Date.now()): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
