/** What an HTTP request tells of where it comes from, and when its sender has gone. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { FastifyRequest } from "fastify";
import type { GatewayConfig } from "#gateway/config.ts";
import type { ClientAddresses } from "#gateway/http/client-address.ts";

const maxUserAgentLength = 256;

export function originOf(
  { socket, headers }: IncomingMessage | Http2ServerRequest,
  addresses: Pick<ClientAddresses, "addressOf">,
): { clientAddress: string; userAgent: string } {
  return {
    clientAddress: addresses.addressOf(socket.remoteAddress, headers),
    userAgent: (headers["user-agent"] ?? "").slice(0, maxUserAgentLength),
  };
}

/** Whether cookies set in answer to a request are for HTTPS only. */
export function createIsSecure(
  { PARLEY_SECURE_COOKIES: when }: Pick<GatewayConfig, "PARLEY_SECURE_COOKIES">,
  addresses: Pick<ClientAddresses, "isSecure">,
): (request: FastifyRequest) => boolean {
  return ({ raw }) => when === "always" || addresses.isSecure(raw.socket.remoteAddress, raw.headers);
}

/** Aborts when the client goes away before its answer is complete. */
export function signalOf(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}
