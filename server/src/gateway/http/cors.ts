/**
 * Which web pages may call Parley from a browser (https://fetch.spec.whatwg.org/#http-cors-protocol): its own, and
 * those of PARLEY_ALLOWED_ORIGINS. Credentials are never allowed across origins: foreign pages send a bearer token.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { cors as connectCors } from "@connectrpc/connect";

export type ApplyCors = (request: IncomingMessage, response: ServerResponse) => "answered" | "continue";

const methods = "GET, POST, PUT, PATCH, DELETE";
const preflightMaxAgeS = 7_200;
const allowedHeaders = [
  "Authorization",
  "Content-Digest",
  "Content-Type",
  "Idempotency-Key",
  "If-Match",
  "If-Modified-Since",
  "If-None-Match",
  "If-Range",
  "If-Unmodified-Since",
  "Prefer",
  "Range",
  "Repr-Digest",
  "Traceparent",
  "Tus-Resumable",
  "Upload-Defer-Length",
  "Upload-Length",
  "Upload-Metadata",
  "Upload-Offset",
  ...connectCors.allowedHeaders,
  // Parley-Meta-*: a blob's metadata may have any names. (What has to be named is named above.)
  "*",
];
const exposedHeaders = [
  "Accept-Ranges",
  "Allow",
  "Cache-Status",
  "Content-Digest",
  "Content-Disposition",
  "Content-Range",
  "ETag",
  "Location",
  "Preference-Applied",
  "RateLimit",
  "RateLimit-Policy",
  "Repr-Digest",
  "Retry-After",
  "Trace-Id",
  "Tus-Extension",
  "Tus-Max-Size",
  "Tus-Resumable",
  "Tus-Version",
  "Upload-Defer-Length",
  "Upload-Expires",
  "Upload-Length",
  "Upload-Metadata",
  "Upload-Offset",
  "WWW-Authenticate",
  ...connectCors.exposedHeaders,
  "*",
];

/** Throws on an entry that is not an origin. */
export function createCors(allowedOrigins: readonly string[]): ApplyCors {
  for (const origin of allowedOrigins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new Error(`PARLEY_ALLOWED_ORIGINS: ${origin} is not an origin such as https://chat.example.org`);
    }
  }
  const allowed = new Set(allowedOrigins);
  const commonHeaders = {
    "Access-Control-Expose-Headers": [...new Set(exposedHeaders)].join(", "),
  };
  const preflightHeaders = {
    "Access-Control-Allow-Methods": methods,
    "Access-Control-Allow-Headers": [...new Set(allowedHeaders)].join(", "),
    "Access-Control-Max-Age": String(preflightMaxAgeS),
  };
  return (request, response) => {
    if (allowed.size === 0) return "continue";
    response.setHeader("Vary", "Origin");
    const { origin } = request.headers;
    if (origin === undefined || !allowed.has(origin)) return "continue";
    response.setHeader("Access-Control-Allow-Origin", origin);
    const isPreflight =
      request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined;
    response.setHeaders(new Headers(isPreflight ? preflightHeaders : commonHeaders));
    if (!isPreflight) return "continue";
    response.writeHead(204).end();
    return "answered";
  };
}
