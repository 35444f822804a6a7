import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import { checkCredentials } from "#identity/credentials.ts";
import { beginSession } from "#identity/new-session.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { invalidInput } from "#platform/errors.ts";

type StartSession = ServiceImpl<typeof IdentityInternalService>["startSession"];

const maxAccessTokenSeconds = 86_400;

export function startSession(parts: IdentityParts): StartSession {
  return async (request, context) => {
    const { login, password, withSessionKey, accessTokenSeconds, sessionSeconds } = request;
    if (accessTokenSeconds > maxAccessTokenSeconds) {
      throw invalidInput("access_token_seconds", `must be at most ${maxAccessTokenSeconds}`);
    }
    const user = await checkCredentials(parts, login, password, context.signal);
    const { pair, key, expiresAt } = await beginSession(parts, user, context, {
      accessTokenSeconds: accessTokenSeconds || undefined,
      sessionSeconds: sessionSeconds || undefined,
      withKey: withSessionKey,
    });
    return {
      accessToken: pair.accessToken,
      // A session that is known by a key is over when that is: nobody gets what would refresh it.
      refreshToken: key ? "" : pair.refreshToken,
      expiresIn: pair.expiresIn,
      sessionKey: key ?? "",
      sessionExpiresAt: timestampFromDate(expiresAt),
    };
  };
}
