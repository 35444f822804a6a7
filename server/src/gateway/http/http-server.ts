/** The servers' sockets: limits on what a peer may take its time with, and the way of a request to its handler. */
import {
  createServer as createHttp1Server,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { ConnectError } from "@connectrpc/connect";
import { waitsForLeave } from "#gateway/blobs/expectation.ts";
import { createBodyDeadlines } from "#gateway/http/body-deadline.ts";
import type { ApplyCors } from "#gateway/http/cors.ts";
import { toProblem } from "#gateway/http/problem.ts";
import { traceIdOf } from "#gateway/http/trace.ts";
import type { RpcServer } from "#gateway/rpc/rpc.ts";
import { within } from "#platform/deadline.ts";
import { type ErrorCode, fault, toPublicError } from "#platform/errors.ts";

const limits = {
  headersTimeout: 10_000,
  // It would cut uploads off; bodies have deadlines of their own, see body-deadline.ts.
  requestTimeout: 0,
  keepAliveTimeout: 72_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16_384,
  // Other upgrades (curl offers h2c by itself) are declined by answering in HTTP/1.1 (RFC 9110, 7.8).
  shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === "websocket",
};
const bodyTimeoutMs = 30_000;
const idleSessionMs = 120_000;
const maxStreamsPerConnection = 100;
const maxInvalidFrames = 100;

export interface HttpServerOptions {
  cors: ApplyCors;
  rpc: RpcServer;
  bodyTimeoutMs?: number;
}

/** HTTP/1.1: what is not an RPC goes to the handler. */
export function createHttpServer(
  { cors, rpc, ...options }: HttpServerOptions,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const deadlines = createBodyDeadlines(options.bodyTimeoutMs ?? bodyTimeoutMs, ({ socket }) =>
    refuse(fault("request-timeout"), socket),
  );
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    deadlines.watch(request);
    if (cors(request, response) === "answered") return;
    if (!rpc.handle(request, response)) handler(request, response);
  };
  const server = createHttp1Server(limits, serve);
  server.on("checkContinue", (request, response) => {
    if (!waitsForLeave(request)) response.writeContinue();
    serve(request, response);
  });
  return server.on("clientError", refuse);
}

export interface GrpcServer {
  readonly server: Http2Server;
  /** Lets calls in flight finish, but no longer than that. */
  close(graceMs: number): Promise<void>;
}

/** HTTP/2 without TLS ("h2c"), for gRPC. */
export function createGrpcServer(rpc: RpcServer): GrpcServer {
  const sessions = new Set<ServerHttp2Session>();
  const server = createHttp2Server(
    {
      settings: { maxConcurrentStreams: maxStreamsPerConnection },
      maxSessionInvalidFrames: maxInvalidFrames,
    },
    (request, response) => {
      if (rpc.handle(request, response)) return;
      const { status, headers, body } = toProblem(
        toPublicError(fault("route-not-found")),
        traceIdOf(request.headers.traceparent),
      );
      response.writeHead(status, headers).end(body);
    },
  );
  server.on("session", (session) => {
    sessions.add(session);
    // An error ends its session only; without a listener it would end the process.
    session.on("error", () => {}).once("close", () => sessions.delete(session));
    // Neither silent peers nor ones that do not read their answers are kept for ever.
    session.setTimeout(idleSessionMs, () => session.destroy());
  });
  return {
    server,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.close();
      await within(closed, graceMs);
      for (const session of sessions) session.destroy();
    },
  };
}

const reasons: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: "too-large",
  ERR_HTTP_REQUEST_TIMEOUT: "request-timeout",
};

/** Bytes that are not HTTP, headers that are too large, and peers that are too slow. */
function refuse(error: Error, socket: Duplex) {
  const { code } = error as NodeJS.ErrnoException;
  if (!socket.writable || code === "ECONNRESET") return void socket.destroy();
  const told = error instanceof ConnectError ? error : fault(reasons[code ?? ""] ?? "malformed-request");
  const { status, headers, body } = toProblem(toPublicError(told), traceIdOf(undefined));
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = Buffer.byteLength(body);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}content-length: ${length}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const idleSweepMs = 50;

/** Lets requests in flight finish, but no longer than that. Never throws. */
export async function closeHttpServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // A kept-alive connection becomes idle only after its last answer.
  const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMs);
  // An upgraded socket keeps its server from closing, so force is not waited for either.
  await within(closed, graceMs);
  server.closeAllConnections();
  clearInterval(sweep);
}
