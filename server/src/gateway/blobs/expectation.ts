/** Expect: 100-continue (RFC 9110, 10.1.1): a client that asks whether it may send its body at all. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** These say so themselves, when the body is about to be read; all others get leave at once. */
const streamed = /^(?:https?:\/\/[^/?#]*)?\/v2\/(?:blobs|uploads)(?:[/?]|$)/i;

export function waitsForLeave({ url = "" }: IncomingMessage): boolean {
  return streamed.test(url);
}

/** To be called when the body will be read. */
export function giveLeave(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect !== undefined && request.httpVersion !== "1.0" && !response.headersSent) {
    response.writeContinue();
  }
}
