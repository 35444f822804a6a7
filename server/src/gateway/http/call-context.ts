/** Who calls, from where, and whether too often: all that an HTTP request tells before its body is even read. */
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import { authorise, isPublic } from "#gateway/access.ts";
import type { Authenticator } from "#gateway/auth/authenticate.ts";
import type { CallContext } from "#gateway/call.ts";
import type { ClientAddresses } from "#gateway/http/client-address.ts";
import { originOf } from "#gateway/http/client-origin.ts";
import { countingRefusals } from "#gateway/throttle/refused-strangers.ts";
import type { RateHeaders, Throttle } from "#gateway/throttle/throttle.ts";

/** Throws what authentication, authorisation and rate limits throw; the response is told what is left of the limit. */
export type OpenCall = (
  method: DescMethod,
  request: IncomingMessage | Http2ServerRequest,
  response: RateHeaders,
  signal: AbortSignal,
) => Promise<CallContext>;

const safeMethods = new Set(["GET", "HEAD"]);

export function createOpenCall(
  authenticator: Authenticator,
  addresses: ClientAddresses,
  throttle: Pick<Throttle, "admitRequest" | "admitStranger">,
): OpenCall {
  async function identify(method: DescMethod, { headers, method: verb = "" }: Parameters<OpenCall>[1]) {
    // A public method takes no notice of credentials: someone whose token has expired can still sign in.
    const caller = isPublic(method)
      ? undefined
      : await authenticator.authenticate(headers, { changesState: !safeMethods.has(verb) });
    authorise(method, caller);
    return caller;
  }

  return async (method, request, response, signal) => {
    const { clientAddress, userAgent } = originOf(request, addresses);
    const caller = await countingRefusals(identify(method, request), throttle, { clientAddress, response });
    await throttle.admitRequest(method, { caller, clientAddress }, response);
    return { caller, signal, clientAddress, userAgent, isAdmitted: true };
  };
}
