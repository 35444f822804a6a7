/** Which addresses lead into private networks. What is not known to be public is private. */
import { BlockList, isIP } from "node:net";

/** Not reachable from everywhere, by the IANA registries of special-purpose addresses. */
const special4: readonly [string, number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];

/** Within global unicast, 2000::/3: protocol assignments and tunnels, documentation, 6to4. */
const special6: readonly [string, number][] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

/** Prefixes, of 96 bits, of IPv6 addresses that stand for an IPv4 address: mapped ones, and those of NAT64. */
const prefixesOf4 = ["::ffff:", "64:ff9b::"];

const public6 = new BlockList();
public6.addSubnet("2000::", 3, "ipv6");
const special = new BlockList();
for (const [net, bits] of special6) special.addSubnet(net, bits, "ipv6");
for (const prefix of prefixesOf4) public6.addSubnet(`${prefix}0.0.0.0`, 96, "ipv6");
for (const [net, bits] of special4) {
  special.addSubnet(net, bits, "ipv4");
  for (const prefix of prefixesOf4) special.addSubnet(`${prefix}${net}`, 96 + bits, "ipv6");
}

/** Takes an address as DNS or a socket gives it. What is no address is private. */
export function isPrivateAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, "");
  const family = isIP(bare);
  if (family === 4) return special.check(bare, "ipv4");
  if (family === 6) return !public6.check(bare, "ipv6") || special.check(bare, "ipv6");
  return true;
}
