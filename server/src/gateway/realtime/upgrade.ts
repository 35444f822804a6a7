/** Who may open a WebSocket: decides on the HTTP request that asks for it, and refuses it in HTTP. */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import type { Authenticator } from "#gateway/auth/authenticate.ts";
import type { Caller } from "#gateway/call.ts";
import { type Problem, toProblem } from "#gateway/http/problem.ts";
import { traceIdOf } from "#gateway/http/trace.ts";
import type { SocketEntrance } from "#gateway/realtime/socket-entrance.ts";
import { fault, toPublicError } from "#platform/errors.ts";

export const subprotocol = "parley.v2.json";
const path = "/v2/ws";
const maxTicketLength = 256;

export interface AdmissionOptions {
  authenticator: Pick<Authenticator, "authenticate">;
  identity: Pick<Client<typeof IdentityInternalService>, "redeemWsTicket">;
  callTimeoutMs: number;
}

/**
 * The caller who opens the socket. A ticket or an Authorization header is proof enough wherever the page comes from;
 * a cookie, which browsers send by themselves, counts only from a page of our own origin.
 */
export async function admit(parts: AdmissionOptions, request: IncomingMessage): Promise<Caller> {
  const url = parseUrl(request.url ?? "");
  if (url.pathname !== path) throw fault("route-not-found");
  requireSubprotocol(request.headers["sec-websocket-protocol"]);
  const ticket = url.searchParams.get("ticket");
  if (ticket !== null) return redeem(parts, ticket);
  const caller = await parts.authenticator.authenticate(request.headers, { changesState: true });
  if (!caller) throw fault("unauthenticated");
  return caller;
}

function parseUrl(target: string): URL {
  const url = URL.parse(target, "http://localhost");
  if (!url) throw fault("malformed-request");
  return url;
}

/** A client that asks for none gets ours; one that asks for others only would not understand it. */
function requireSubprotocol(header: string | undefined) {
  if (header === undefined) return;
  const wanted = header.split(",").map((name) => name.trim());
  if (!wanted.includes(subprotocol)) {
    throw fault("malformed-request", { detail: `The subprotocol here is ${subprotocol}` });
  }
}

async function redeem({ identity, callTimeoutMs }: AdmissionOptions, ticket: string): Promise<Caller> {
  if (ticket === "" || ticket.length > maxTicketLength) throw fault("ticket-invalid");
  const answer = await identity.redeemWsTicket({ ticket }, { timeoutMs: callTimeoutMs });
  const { userId, sessionId, roles, expiresAt } = answer;
  return { userId, sessionId, roles, tokenExpiresAt: expiresAt ? timestampMs(expiresAt) : 0 };
}

/** Answers the upgrade request, as a problem document or as the entrance has it, and ends the connection. */
export function refuseUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  error: unknown,
  entrance?: SocketEntrance,
): void {
  if (!socket.writable) return void socket.destroy();
  const problem = refusal(request, error, entrance);
  const headers: Record<string, string | number> = {
    ...problem.headers,
    "sec-websocket-version": 13,
    "content-length": Buffer.byteLength(problem.body),
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once("finish", () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join("")}\r\n${problem.body}`,
  );
}

function refusal(
  { headers }: IncomingMessage,
  error: unknown,
  entrance: SocketEntrance | undefined,
): Problem {
  const told = toPublicError(error);
  const problem = toProblem(told, traceIdOf(headers.traceparent));
  if (!entrance) return problem;
  const { status = problem.status, body } = entrance.toAnswer(told);
  const type = { "content-type": "application/json; charset=utf-8" };
  return {
    status,
    headers: { ...problem.headers, ...entrance.headers, ...type },
    body: JSON.stringify(body),
  };
}
