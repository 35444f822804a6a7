import type { ServiceImpl } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import type { IdentityParts } from "#identity/parts.ts";

type RotateSigningKey = ServiceImpl<typeof IdentityInternalService>["rotateSigningKey"];

export function rotateSigningKey({ signingKeys }: IdentityParts): RotateSigningKey {
  return async () => ({ kid: await signingKeys.rotate() });
}
