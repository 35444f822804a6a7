/** The public keys of Parley's own access tokens, kept in memory; they are fetched when a token names another one. */
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@connectrpc/connect";
import type { AuthService } from "@parley/api/v2/auth";
import { type CryptoKey, errors, importJWK, type JWTHeaderParameters } from "jose";

export type FindKey = (header: JWTHeaderParameters) => Promise<CryptoKey>;

/** Tokens with made-up key ids must not turn into load on identity, nor keep a new key from being found. */
const minFetchIntervalMs = 1_000;
const fetchTimeoutMs = 5_000;

export function createSigningKeys(auth: Client<typeof AuthService>): FindKey {
  let keys: ReadonlyMap<string, CryptoKey> = new Map();
  let nextFetch: Promise<void> | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;

  const fetchKeys = async () => {
    await delay(Math.max(0, fetchedAt + minFetchIntervalMs - performance.now()));
    // From here on a key may be newer than the answer: whoever looks for one waits for the fetch after this.
    nextFetch = undefined;
    fetchedAt = performance.now();
    const answer = await auth.getJwks({}, { timeoutMs: fetchTimeoutMs });
    keys = new Map(await Promise.all(answer.keys.map(importKey)));
  };

  return async ({ kid }) => {
    if (kid === undefined) throw new errors.JWKSNoMatchingKey();
    if (!keys.has(kid)) {
      nextFetch ??= fetchKeys();
      await nextFetch;
    }
    const key = keys.get(kid);
    if (!key) throw new errors.JWKSNoMatchingKey();
    return key;
  };
}

/** Only what Parley signs with: the algorithm is not the token's to choose. */
async function importKey({ kty, crv, x, kid }: { kty: string; crv: string; x: string; kid: string }) {
  return [kid, (await importJWK({ kty, crv, x }, "Ed25519")) as CryptoKey] as const;
}
