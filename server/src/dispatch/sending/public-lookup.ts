/** Name resolution for connections that must not lead into private networks. */
import { type LookupAddress, type LookupAllOptions, lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { isPrivateAddress } from "#dispatch/sending/private-network.ts";

export class PrivateNetworkError extends Error {
  readonly code = "PARLEY_PRIVATE_NETWORK";
  override name = "PrivateNetworkError";
}

export type ResolveAll = (
  host: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Gives a connection public addresses only. They are those it then connects to, so a name that resolves otherwise a moment
 * later gains nothing. privateHosts are names and addresses as parseHost gives them.
 */
export function createPublicLookup(
  privateHosts: ReadonlySet<string>,
  resolve: ResolveAll = systemLookup,
): LookupFunction {
  return (host, options, done) => {
    resolve(host, { ...options, all: true }, (error, found) => {
      if (error) return done(error, []);
      const isNamed = privateHosts.has(host);
      const allowed = found.filter(
        ({ address }) => isNamed || privateHosts.has(address) || !isPrivateAddress(address),
      );
      const [first] = allowed;
      if (!first) return done(new PrivateNetworkError("the name leads into a private network"), []);
      if (options.all) done(null, allowed);
      else done(null, first.address, first.family);
    });
  };
}
