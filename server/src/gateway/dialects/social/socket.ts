/** The WebSocket: opened with a token in its address, for clients that can send no headers. */
import type { DialectParts, DialectSocket } from "#gateway/dialects/dialect.ts";
import { bareToken } from "#gateway/dialects/social/bare-token.ts";
import { createSocialProtocol } from "#gateway/dialects/social/protocol.ts";
import { fault } from "#platform/errors.ts";

export function createSocialSocket({
  credentials,
  config,
}: Pick<DialectParts, "credentials" | "config">): DialectSocket {
  return {
    path: "/messenger/ws",
    successor: "/v2/ws",
    protocol: createSocialProtocol(config.PARLEY_MAX_TEXT_BYTES),
    async admit({ url = "", headers }) {
      const { searchParams } = new URL(url, "http://localhost");
      const token = searchParams.get("token") || bareToken(headers.authorization);
      if (!token) throw fault("unauthenticated");
      return credentials.ofToken(token);
    },
  };
}
