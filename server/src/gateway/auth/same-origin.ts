import type { IncomingHttpHeaders } from "node:http";
import { fault } from "#platform/errors.ts";

/**
 * Throws "origin-not-allowed" unless the browser says that a page of this very origin makes the request. Browsers send
 * Sec-Fetch-Site, older ones Origin; a request with neither does not come from a page and needs no cookie.
 */
export function requireSameOrigin(headers: IncomingHttpHeaders): void {
  if (!isSameOrigin(headers)) throw fault("origin-not-allowed");
}

/**
 * The same for a cookie that programs send as well, which say neither: only what says that it comes from another
 * origin's page is refused. It relies on the cookie's SameSite for browsers so old that they say nothing.
 */
export function refuseForeignPage(headers: IncomingHttpHeaders): void {
  if (headers["sec-fetch-site"] !== undefined || headers.origin !== undefined) requireSameOrigin(headers);
}

function isSameOrigin(headers: IncomingHttpHeaders): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  const { origin, host } = headers;
  return origin !== undefined && host !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}
