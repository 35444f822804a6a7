/**
 * A gateway over accounts and chats: bare tokens, direct chats, a WebSocket whose payloads are JSON in strings.
 * See docs/old-apis/social.md.
 */
import type { Dialect, DialectParts } from "#gateway/dialects/dialect.ts";
import { accountRoutes } from "#gateway/dialects/social/accounts.ts";
import { bareToken } from "#gateway/dialects/social/bare-token.ts";
import { chatRoutes } from "#gateway/dialects/social/chats.ts";
import { toAnswer } from "#gateway/dialects/social/errors.ts";
import { messageRoutes } from "#gateway/dialects/social/messages.ts";
import { openApi } from "#gateway/dialects/social/openapi.ts";
import { createSocialSocket } from "#gateway/dialects/social/socket.ts";

export function createSocial(parts: DialectParts): Dialect {
  return {
    name: "social",
    basePaths: ["/auth/sign-up", "/auth/sign-in", "/auth/token", "/auth/user", "/messenger"],
    routes: [...accountRoutes(parts), ...chatRoutes(parts), ...messageRoutes(parts)],
    sockets: [createSocialSocket(parts)],
    async identify({ headers }) {
      const token = bareToken(headers.authorization);
      return token === undefined ? undefined : parts.credentials.ofToken(token);
    },
    toAnswer,
    openApi,
  };
}
