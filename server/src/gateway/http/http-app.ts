/** The HTTP/1.1 side of the gateway: REST, documentation and web client on Fastify, and how all of them fail. */
import type { Server } from "node:http";
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import { accessCookie, readCookie } from "#gateway/auth/cookies.ts";
import type { BlobRoutesOptions } from "#gateway/blobs/blob-options.ts";
import { registerByteRoutes } from "#gateway/blobs/byte-routes.ts";
import type { CallObserver } from "#gateway/call-observer.ts";
import { answerUnreadablePath } from "#gateway/dialects/dialect-errors.ts";
import { type DialectRoutesOptions, registerDialects } from "#gateway/dialects/register-dialects.ts";
import { registerDocs } from "#gateway/http/docs.ts";
import { logFailure } from "#gateway/http/failure-log.ts";
import { observeHttp } from "#gateway/http/http-observer.ts";
import { createHttpServer, type HttpServerOptions } from "#gateway/http/http-server.ts";
import { toProblem } from "#gateway/http/problem.ts";
import { registerWebClient } from "#gateway/http/web-client.ts";
import { type RestOptions, registerRest } from "#gateway/rest/rest.ts";
import { keepBodiesAsBytes } from "#gateway/rest/rest-body.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";
import { parseTraceparent, Trace } from "#platform/trace.ts";

export interface HttpAppOptions extends RestOptions, HttpServerOptions {
  bytes: BlobRoutesOptions;
  dialects: DialectRoutesOptions;
  maxBodyBytes: number;
  webRoot: string | undefined;
  observer: CallObserver;
  log: Log;
}

/** As long as the headers may be, which hold the path. */
const maxParamLength = 16_384;

export async function createHttpApp(
  options: HttpAppOptions,
): Promise<{ server: Server; close(): Promise<void> }> {
  const onError = (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
    answerError(error, request, reply, options.log);
  const app: FastifyInstance = Fastify({
    logger: false,
    bodyLimit: options.maxBodyBytes,
    routerOptions: { maxParamLength, querystringParser: () => ({}) },
    serverFactory: (handler) => createHttpServer(options, handler),
    // Requests that Fastify refuses before it has found their route.
    frameworkErrors: ((error, request, reply) => {
      const tell = () => tellFailure(error, request, options.log).told;
      const isOld = answerUnreadablePath(options.dialects.dialects, request, reply, tell);
      return isOld ? reply : onError(error, request, reply);
    }) as typeof onError as never,
  });
  app.setErrorHandler(onError);
  observeHttp(app, options.observer);
  keepBodiesAsBytes(app);
  registerRest(app, options);
  const onBroken = (request: FastifyRequest, error: unknown) => void tellFailure(error, request, options.log);
  registerByteRoutes(app, { ...options.bytes, onBroken });
  registerDialects(app, options.dialects, (request, error) => tellFailure(error, request, options.log).told);
  await registerDocs(app, options.dialects.dialects);
  await registerWebClient(app, options.webRoot);
  await app.ready();
  return { server: app.server as Server, close: () => app.close() };
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log) {
  const { told, trace } = tellFailure(error, request, log);
  const options = { hasCredentials: hasCredentials(request) };
  const { status, headers, body } = toProblem(told, trace.traceId, options);
  return reply.code(status).headers(headers).send(body);
}

/** To the log, the metrics and the span. */
function tellFailure(error: unknown, request: FastifyRequest, log: Log) {
  const told = toPublicError(fromFastify(error));
  const { observed } = request;
  const trace = observed?.trace ?? new Trace(undefined, parseTraceparent(request.headers.traceparent));
  if (observed) observed.told = told;
  const { config, url = "(no route)" } = request.routeOptions;
  const called = `${request.method} ${config?.template ?? url}`;
  const caller = request.callContext?.caller;
  logFailure(log, { told, error, called, trace, caller, chatId: observed?.chatId });
  return { told, trace };
}

function hasCredentials({ headers }: FastifyRequest): boolean {
  return headers.authorization !== undefined || readCookie(headers.cookie, accessCookie) !== undefined;
}

/** What Fastify itself refuses, as an error out of the registry. */
function fromFastify(error: unknown): unknown {
  const { code, statusCode = 500 } = error as Partial<FastifyError>;
  // The client went away in the middle of its body.
  if (code === "ECONNRESET") return fault("cancelled", { cause: error });
  if (typeof code !== "string" || !code.startsWith("FST_")) return error;
  if (statusCode === 413) return fault("too-large", { cause: error });
  if (statusCode === 415) return fault("unsupported-media-type", { cause: error });
  return statusCode < 500 ? fault("malformed-request", { cause: error }) : error;
}
