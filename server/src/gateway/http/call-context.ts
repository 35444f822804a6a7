/** Who calls, and from where, as far as an HTTP request tells. Authentication comes before the body is even read. */
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import { authorise, isPublic } from "#gateway/access.ts";
import type { Authenticator } from "#gateway/auth/authenticate.ts";
import type { CallContext } from "#gateway/call.ts";
import type { ClientAddresses } from "#gateway/http/client-address.ts";

/** Throws what authentication and authorisation throw. */
export type OpenCall = (
  method: DescMethod,
  request: IncomingMessage | Http2ServerRequest,
  signal: AbortSignal,
) => Promise<CallContext>;

const maxUserAgentLength = 256;
const safeMethods = new Set(["GET", "HEAD"]);

export function createOpenCall(authenticator: Authenticator, addresses: ClientAddresses): OpenCall {
  return async (method, request, signal) => {
    const { headers } = request;
    // A public method takes no notice of credentials: someone whose token has expired can still sign in.
    const caller = isPublic(method)
      ? undefined
      : await authenticator.authenticate(headers, { changesState: !safeMethods.has(request.method ?? "") });
    authorise(method, caller);
    return {
      caller,
      signal,
      clientAddress: addresses.addressOf(request.socket.remoteAddress, headers),
      userAgent: (headers["user-agent"] ?? "").slice(0, maxUserAgentLength),
    };
  };
}
