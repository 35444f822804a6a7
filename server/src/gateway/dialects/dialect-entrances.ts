/** Puts the WebSockets of the dialects that are on beside /v2/ws. */
import type { DialectRoutesOptions } from "#gateway/dialects/register-dialects.ts";
import { deprecationHeaders } from "#gateway/dialects/versions.ts";
import type { SocketEntrances } from "#gateway/realtime/socket-entrance.ts";

export function createDialectEntrances({
  dialects,
  metrics,
}: Pick<DialectRoutesOptions, "dialects" | "metrics">): SocketEntrances {
  return new Map(
    dialects.flatMap(({ name, sockets = [], toAnswer }) =>
      sockets.map(({ successor, ...socket }) => {
        const headers = deprecationHeaders(name, successor);
        const onOpened = () => metrics.socketOpened(name, socket.path);
        return [socket.path, { ...socket, headers, toAnswer, onOpened }] as const;
      }),
    ),
  );
}
