import type { MessageInitShape } from "@bufbuild/protobuf";
import type { UserSchema } from "@parley/api/v2/user";
import type { IdentityParts } from "#identity/parts.ts";
import type { RefreshToken } from "#identity/refresh-token.ts";
import { rolesOf } from "#identity/roles.ts";
import type { UserRow } from "#identity/store-users.ts";
import { userWithEmail } from "#identity/user-view.ts";

export interface TokenPair {
  accessToken: string;
  refreshToken: string;
  expiresIn: number;
  user: MessageInitShape<typeof UserSchema>;
}

/** What sign-in and refresh answer alike: a fresh access token beside the session's due refresh token. */
export async function tokenPair(
  { accessTokens, config }: IdentityParts,
  user: UserRow,
  refreshToken: RefreshToken,
  sessionExpiresAt: Date,
  seconds?: number,
): Promise<TokenPair> {
  const accessToken = await accessTokens.issue({
    userId: user.id,
    sessionId: refreshToken.sessionId,
    roles: rolesOf(user, config),
    sessionExpiresAtMs: sessionExpiresAt.getTime(),
    ...(seconds === undefined ? {} : { seconds }),
  });
  return {
    accessToken: accessToken.text,
    refreshToken: refreshToken.text,
    expiresIn: accessToken.expiresIn,
    user: userWithEmail(user),
  };
}
