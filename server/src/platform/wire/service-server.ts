/**
 * Serves this process's services to Parley's other processes: gRPC over HTTP/2 without TLS, on a port that only they
 * can reach. A call without a valid service credential is refused.
 */
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import { actorHeader } from "#platform/actor.ts";
import type { Clock } from "#platform/clock.ts";
import { toPublicError } from "#platform/errors.ts";
import { listen } from "#platform/listen.ts";
import type { Log } from "#platform/log.ts";
import { createLogInterval } from "#platform/log-interval.ts";
import type { Service } from "#platform/service.ts";
import { rpcMethod } from "#platform/telemetry/rpc-metrics.ts";
import { parseTraceparent, traceparentHeader } from "#platform/trace.ts";
import { isUuid } from "#platform/uuid.ts";
import { createVerifyHeaders } from "#platform/wire/credentials.ts";
import type { ReceivedCall } from "#platform/wire/grpc-options.ts";
import { createGrpcServer } from "#platform/wire/grpc-server.ts";
import { connectionWindowBytes, stallMs, transferWindowBytes } from "#platform/wire/limits.ts";
import { timeHeader } from "#platform/wire/time-header.ts";

export interface ServiceServerOptions {
  services: readonly Service[];
  host: string;
  /** 0 takes any free port. */
  port: number;
  serviceTokens: readonly string[];
  clock: Clock;
  log: Log;
}

export interface ServiceServer {
  readonly port: number;
  /** Takes no new calls, tells callers to go elsewhere, and lets calls under way finish, but no longer than that. */
  stop(graceMs: number): Promise<void>;
}

/** Far above what one gateway has under way; each gateway has one connection. */
const maxStreamsPerConnection = 4_096;
const maxMessageBytes = 16_777_216;
const maxDeadlineMs = 600_000;
/**
 * Of what waits to be sent on one connection. Above Node's 10 MB all further calls on it would be refused, so that one
 * user's page of long messages would be everybody's outage.
 */
const maxSessionMemoryMb = 1_024;
/** Each call that is given up is a reset. Past Node's 33 a second it would end the connection, and all other calls with it. */
const bearsResets = { streamResetBurst: 100_000, streamResetRate: 10_000 };
const logRefusalEveryMs = 10_000;

export async function startServiceServer(options: ServiceServerOptions): Promise<ServiceServer> {
  const { services, serviceTokens, clock, log } = options;
  const names = services.map((service) => service.name);
  const verify = createVerifyHeaders(names, { serviceTokens, clock });
  const noteRefused = createRefusalLog(log);
  const sessions = new Set<ServerHttp2Session>();
  const settings = { maxConcurrentStreams: maxStreamsPerConnection, initialWindowSize: transferWindowBytes };
  const server = createServer({ settings, maxSessionMemory: maxSessionMemoryMb, ...bearsResets });
  const onStream = createGrpcServer({
    routes: (router) => {
      for (const service of services) service.routes(router);
    },
    maxMessageBytes,
    maxDeadlineMs,
    stallMs,
    admit: (call) => verify(call.headers),
    onFailure(call, error) {
      const { code, detail } = toPublicError(error);
      if (code === "internal") log.error({ ...describeCall(call), code, err: error }, "a call failed");
      if (code === "service-refused") noteRefused(call.method, detail);
    },
    answerHeaders: () => ({ [timeHeader]: String(clock.now()) }),
  });
  server.on("stream", onStream);
  server.on("session", (session) => {
    sessions.add(session);
    session.setLocalWindowSize(connectionWindowBytes);
    session.on("error", () => {}).once("close", () => sessions.delete(session));
  });
  const { host, port } = options;
  return {
    port: await listen(server, { host, port, setting: "PARLEY_SERVICE_PORT" }),
    stop: (graceMs) => close(server, sessions, graceMs),
  };
}

/** Says that somebody calls who may not; whoever calls in vain must not fill the log. */
function createRefusalLog(log: Log) {
  const isTimeToLog = createLogInterval(logRefusalEveryMs);
  return (method: DescMethod, detail: string) => {
    if (!isTimeToLog()) return;
    log.warn(
      { called: rpcMethod(method), reason: detail },
      "refused a call: its caller has another PARLEY_SERVICE_TOKEN, or is no process of this Parley",
    );
  };
}

/** Whose call it was, for the log: by ids only, whatever was sent as one. */
function describeCall({ method, headers, request }: ReceivedCall) {
  const [userId] = headers[actorHeader]?.split(" ") ?? [];
  const { chatId } = (request ?? {}) as { chatId?: unknown };
  return {
    called: rpcMethod(method),
    traceId: parseTraceparent(headers[traceparentHeader])?.traceId,
    userId: userId || undefined,
    chatId: typeof chatId === "string" && isUuid(chatId) ? chatId : undefined,
  };
}

async function close(server: Http2Server, sessions: ReadonlySet<ServerHttp2Session>, graceMs: number) {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const session of sessions) session.close();
  const timer = setTimeout(() => {
    for (const session of sessions) session.destroy();
  }, graceMs);
  await closed;
  clearTimeout(timer);
}
