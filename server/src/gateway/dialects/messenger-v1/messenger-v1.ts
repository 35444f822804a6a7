/** A REST messenger with sessions. See docs/old-apis/messenger-v1.md. */
import type { Dialect, DialectParts } from "#gateway/dialects/dialect.ts";
import { accountRoutes } from "#gateway/dialects/messenger-v1/accounts.ts";
import { chatRoutes } from "#gateway/dialects/messenger-v1/chats.ts";
import { toAnswer } from "#gateway/dialects/messenger-v1/errors.ts";
import { messageRoutes } from "#gateway/dialects/messenger-v1/messages.ts";
import { openApi } from "#gateway/dialects/messenger-v1/openapi.ts";
import { pingRoutes } from "#gateway/dialects/messenger-v1/ping.ts";
import { searchRoutes } from "#gateway/dialects/messenger-v1/search.ts";
import { sessionKeyOf } from "#gateway/dialects/messenger-v1/session-header.ts";

export function createMessengerV1(parts: DialectParts): Dialect {
  return {
    name: "messenger-v1",
    basePaths: ["/v1", "/ping", "/ping_db"],
    routes: [
      ...pingRoutes(parts),
      ...accountRoutes(parts),
      ...chatRoutes(parts),
      ...messageRoutes(parts),
      ...searchRoutes(parts),
    ],
    async identify(request) {
      const key = sessionKeyOf(request);
      return key === undefined ? undefined : parts.credentials.ofSessionKey(key);
    },
    toAnswer,
    openApi,
  };
}
