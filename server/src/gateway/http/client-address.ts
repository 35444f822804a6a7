/** Where a request comes from. What proxies add is believed only from proxies that are trusted. */
import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP, isIPv6 } from "node:net";

export interface ClientAddresses {
  /** The network address of the client itself. */
  addressOf(peer: string | undefined, headers: IncomingHttpHeaders): string;
  /** Whether the client's own connection is HTTPS. */
  isSecure(peer: string | undefined, headers: IncomingHttpHeaders): boolean;
}

/** Throws on an entry that is neither an address nor a CIDR. */
export function createClientAddresses(trustedProxies: readonly string[]): ClientAddresses {
  const trusted = toBlockList(trustedProxies);
  const isTrusted = (address: string) => trusted.check(address, isIPv6(address) ? "ipv6" : "ipv4");
  return {
    addressOf(peer, headers) {
      const direct = plainAddress(peer ?? "");
      if (!isIP(direct) || !isTrusted(direct)) return direct;
      const hops = single(headers["x-forwarded-for"])
        .split(",")
        .map((hop) => plainAddress(hop.trim()));
      // Each trusted proxy vouches for the hop to its left; the first one that none vouches for is the client.
      let client = direct;
      for (const hop of hops.reverse()) {
        if (!isIP(hop)) break;
        client = hop;
        if (!isTrusted(hop)) break;
      }
      return client;
    },
    isSecure(peer, headers) {
      const direct = plainAddress(peer ?? "");
      return isIP(direct) > 0 && isTrusted(direct) && single(headers["x-forwarded-proto"]).trim() === "https";
    },
  };
}

function toBlockList(entries: readonly string[]): BlockList {
  const trusted = new BlockList();
  for (const entry of entries) {
    const [address = "", prefix] = entry.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (!isIP(address) || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) {
      throw new Error(`PARLEY_TRUSTED_PROXIES: ${entry} is neither an address nor a CIDR`);
    }
    if (prefix === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  return trusted;
}

const single = (header: string | string[] | undefined) =>
  Array.isArray(header) ? header.join(",") : (header ?? "");

/** IPv4 seen through an IPv6 socket is IPv4. */
const plainAddress = (address: string) => (address.startsWith("::ffff:") ? address.slice(7) : address);
