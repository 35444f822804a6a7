/** The public keys of Parley's own access tokens, kept in memory; a key not seen before is asked for once. */
import type { Client } from "@connectrpc/connect";
import type { AuthService } from "@parley/api/v2/auth";
import { type CryptoKey, errors, importJWK, type JWTHeaderParameters } from "jose";
import type { Clock } from "#platform/clock.ts";

export type FindKey = (header: JWTHeaderParameters) => Promise<CryptoKey>;

/** Tokens with made-up key ids must not turn into load on identity. */
const minRefetchMs = 10_000;
const fetchTimeoutMs = 5_000;

export function createSigningKeys(auth: Client<typeof AuthService>, clock: Clock): FindKey {
  let keys = new Map<string, CryptoKey>();
  let fetching: Promise<void> | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;

  const fetchKeys = async () => {
    const answer = await auth.getJwks({}, { timeoutMs: fetchTimeoutMs });
    const imported = await Promise.all(
      answer.keys.map(async ({ kty, crv, x, kid }) => {
        // Only what Parley signs with: the algorithm is not the token's to choose.
        return [kid, (await importJWK({ kty, crv, x }, "Ed25519")) as CryptoKey] as const;
      }),
    );
    keys = new Map(imported);
    fetchedAt = clock.now();
  };

  return async ({ kid }) => {
    if (kid === undefined) throw new errors.JWKSNoMatchingKey();
    if (!keys.has(kid) && clock.now() - fetchedAt >= minRefetchMs) {
      fetching ??= fetchKeys().finally(() => (fetching = undefined));
    }
    // Also those whose key came in late must wait: the fetch under way may bring theirs.
    if (!keys.has(kid)) await fetching;
    const key = keys.get(kid);
    if (!key) throw new errors.JWKSNoMatchingKey();
    return key;
  };
}
