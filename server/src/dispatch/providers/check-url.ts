import { isIP } from "node:net";
import type { Path, Problem } from "#dispatch/providers/problem.ts";
import { bareHost, isPrivateAddress } from "#dispatch/sending/private-network.ts";

/** Names are looked up when a request is sent, and checked then; addresses can be checked at once. */
export function checkUrl(text: string, path: Path, privateHosts: ReadonlySet<string>): Problem[] {
  const problem = problemOf(text, privateHosts);
  return problem ? [{ path, message: problem }] : [];
}

/** Never tells the URL itself: it may hold what it should not. */
function problemOf(text: string, privateHosts: ReadonlySet<string>): string | undefined {
  const url = URL.parse(text);
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:")) {
    return "must be a URL that starts with https:// or http://";
  }
  if (url.username || url.password) return "must not hold a user or a password; use headers";
  if (url.hash) return "must not have a part after #";
  const host = bareHost(url.hostname);
  if (privateHosts.has(host) || !isPrivate(host)) return undefined;
  return `leads to a private network; if that is meant, add "${host}" to allowPrivateHosts`;
}

const isPrivate = (host: string) => (isIP(host) > 0 ? isPrivateAddress(host) : /(^|\.)localhost$/.test(host));

/** As it stands in allowPrivateHosts; undefined: it is no host. */
export function parseHost(text: string): string | undefined {
  const host = bareHost(text.toLowerCase());
  if (isIP(host) !== 6 && /[^a-z0-9._-]/.test(host)) return undefined;
  const url = URL.parse(`http://${isIP(host) === 6 ? `[${host}]` : host}`);
  return url ? bareHost(url.hostname) : undefined;
}
