/** Which URLs a provider may have. */
import { isIP } from "node:net";
import { isPrivateAddress } from "#dispatch/sending/private-network.ts";

/**
 * What is wrong with it, as the end of a sentence; undefined: nothing that can be seen in it. Names are looked up when
 * connecting, and checked then: what they lead to may change. privateHosts are as parseHost gives them. Never tells the URL
 * itself: it may hold what it should not.
 */
export function urlProblem(url: URL | null, privateHosts: ReadonlySet<string>): string | undefined {
  if (url?.protocol !== "https:" && url?.protocol !== "http:") {
    return "must be a URL that starts with https:// or http://";
  }
  if (url.username || url.password) return "must not hold a user or a password; use headers";
  if (url.hash) return "must not have a part after #";
  const host = bareHost(url.hostname);
  if (privateHosts.has(host) || !isPrivate(host)) return undefined;
  return `leads to a private network; if that is meant, add "${host}" to allowPrivateHosts`;
}

const isPrivate = (host: string) => (isIP(host) > 0 ? isPrivateAddress(host) : /(^|\.)localhost$/.test(host));

/** As a URL spells it, so that hosts can be compared: lower case, addresses in their shortest form; undefined: it is no host. */
export function parseHost(text: string): string | undefined {
  const host = bareHost(text.toLowerCase());
  if (isIP(host) !== 6 && /[^a-z0-9._-]/.test(host)) return undefined;
  const url = URL.parse(`http://${isIP(host) === 6 ? `[${host}]` : host}`);
  return url ? bareHost(url.hostname) : undefined;
}

/** Without the brackets of IPv6 and the dot at the end of a complete name. */
function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}
