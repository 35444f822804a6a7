/** Calls to Parley whose bodies are bytes, with the session's token. */
import type { ByteExchange, ExchangeBytes } from "./byte-exchange.ts";
import { isTokenRefused } from "./error.ts";
import type { Session } from "./session.ts";

export interface ByteCallOptions {
  /** Base URL, without a slash at its end. */
  url: string;
  session: Session;
  exchange: ExchangeBytes;
}

export interface ByteCall extends Omit<ByteExchange, "url"> {
  path: string;
}

/** Resolves with an answer that is ok; rejects with a ParleyError else, or with the reason of the caller's signal. */
export type ByteCalls = (call: ByteCall) => Promise<Response>;

export function createByteCalls({ url, session, exchange }: ByteCallOptions): ByteCalls {
  const send = ({ path, ...call }: ByteCall, accessToken: string) =>
    exchange({
      ...call,
      url: url + path,
      headers: { ...call.headers, authorization: `Bearer ${accessToken}` },
    });
  return async (call) => {
    const accessToken = await session.accessToken();
    call.signal?.throwIfAborted();
    try {
      return await send(call, accessToken);
    } catch (error) {
      // A stream is spent.
      if (!isTokenRefused(error) || call.body instanceof ReadableStream) throw error;
      return send(call, await session.renew(accessToken));
    }
  };
}
