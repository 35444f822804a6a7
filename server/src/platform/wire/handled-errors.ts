/**
 * A connection that an unanswered ping ends tells its error only once its socket has closed. A request that comes in
 * between makes connect-es's manager let go of it and of its listeners, and an error that nobody listens to ends the process.
 */
import type { ClientHttp2Session } from "node:http2";
import type { Http2SessionManager } from "@connectrpc/connect-node";
import { connectionWindowBytes } from "#platform/wire/limits.ts";

type SessionManager = Pick<Http2SessionManager, "authority" | "request" | "notifyResponseByteRead">;

const ignore = () => {};

/** The manager, whose connections have a listener for as long as they exist, and the window of ours. */
export function withHandledErrors(sessions: Http2SessionManager): SessionManager {
  const known = new WeakSet<ClientHttp2Session>();
  return {
    authority: sessions.authority,
    async request(...request) {
      const stream = await sessions.request(...request);
      const session = stream.session as ClientHttp2Session | undefined;
      if (session && !known.has(session)) {
        known.add(session);
        session.on("error", ignore);
        if (!session.destroyed) session.setLocalWindowSize(connectionWindowBytes);
      }
      return stream;
    },
    notifyResponseByteRead: (stream) => sessions.notifyResponseByteRead(stream),
  };
}
