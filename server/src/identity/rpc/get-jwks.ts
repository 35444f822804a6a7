import type { ServiceImpl } from "@connectrpc/connect";
import type { AuthService } from "@parley/api/v2/auth";
import { signatureAlgorithm } from "#identity/access-token.ts";
import type { IdentityParts } from "#identity/parts.ts";

type GetJwks = ServiceImpl<typeof AuthService>["getJwks"];

/** Always the latest from the database: a verifier asks when it meets the id of a key that was made just now. */
export function getJwks({ signingKeys }: IdentityParts): GetJwks {
  return async () => {
    const published = await signingKeys.published();
    const keys = published.map(({ kid, x }) => ({
      kty: "OKP",
      crv: "Ed25519",
      x,
      kid,
      alg: signatureAlgorithm,
      use: "sig",
    }));
    return { keys };
  };
}
