/** Whom an address stands for: of IPv6 one customer has a /64 at least, and may take any address in it. */
import { isIPv6 } from "node:net";

const groupsInPrefix = 4;

export function addressKey(address: string): string {
  const [plain = ""] = address.split("%", 1);
  if (!isIPv6(plain)) return address;
  const [head = "", tail] = plain.split("::");
  const before = groupsOf(head);
  // The last two groups may be written as an IPv4 address.
  const after = tail === undefined ? [] : groupsOf(tail);
  const written = before.length + after.length + (plain.includes(".") ? 1 : 0);
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - written);
  const groups = [...before, ...Array<string>(zeros).fill("0"), ...after];
  const prefix = groups.slice(0, groupsInPrefix).map((group) => Number.parseInt(group, 16).toString(16));
  return `${prefix.join(":")}::/64`;
}

const groupsOf = (text: string) => (text === "" ? [] : text.split(":"));
