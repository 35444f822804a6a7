/** Puts the routes of the dialects that are on beside those of the contract. Each dialect fails in its own old shape. */

import { Code, ConnectError } from "@connectrpc/connect";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { CallContext } from "#gateway/call.ts";
import type { CallTurns } from "#gateway/call-turns.ts";
import type { Dialect, DialectAnswer, DialectExchange, DialectRoute } from "#gateway/dialects/dialect.ts";
import type { DialectMetrics } from "#gateway/dialects/dialect-metrics.ts";
import { toExchange } from "#gateway/dialects/exchange.ts";
import { deprecationHeaders } from "#gateway/dialects/versions.ts";
import type { ClientAddresses } from "#gateway/http/client-address.ts";
import { originOf, signalOf } from "#gateway/http/client-origin.ts";
import { refuseOtherMethods } from "#gateway/rest/other-methods.ts";
import type { Throttle } from "#gateway/throttle/throttle.ts";
import { fault, type PublicError } from "#platform/errors.ts";

export interface DialectRoutesOptions {
  dialects: readonly Dialect[];
  addresses: Pick<ClientAddresses, "addressOf">;
  throttle: Pick<Throttle, "admitClass" | "admitStranger">;
  /** Of each caller's requests only so many are under way at once. */
  turns: CallTurns;
  timeoutMs: number;
  metrics: DialectMetrics;
}

/** Tells log, metrics and span of a failure, and answers what may be told of it. */
type Tell = (request: FastifyRequest, error: unknown) => PublicError;

export function registerDialects(app: FastifyInstance, options: DialectRoutesOptions, tell: Tell): void {
  for (const dialect of options.dialects) {
    const methodsByPath = new Map<string, string[]>();
    for (const route of dialect.routes) {
      register(app, { ...options, dialect, route, tell });
      const path = pathOf(route);
      methodsByPath.set(path, [...(methodsByPath.get(path) ?? []), String(route.method)]);
    }
    const errorHandler = errorHandlerOf(dialect, tell);
    for (const [path, methods] of methodsByPath) refuseOtherMethods(app, path, methods, { errorHandler });
  }
}

const pathOf = ({ path, template }: DialectRoute) => path ?? template.replaceAll(/\{(\w+)\}/g, ":$1");

function errorHandlerOf(dialect: Dialect, tell: Tell) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const told = tell(request, error);
    if (told.retryAfterMs) reply.header("retry-after", String(Math.ceil(told.retryAfterMs / 1_000)));
    void send(reply, dialect.toAnswer(told));
  };
}

/**
 * Of a path that cannot be decoded, so that no route was looked for: in the shape of the dialect to which its beginning
 * belongs. False: to none.
 */
export function answerUnreadablePath(
  dialects: readonly Dialect[],
  request: FastifyRequest,
  reply: FastifyReply,
  tell: () => PublicError,
): boolean {
  const { url = "" } = request.raw;
  for (const { name, routes, toAnswer } of dialects) {
    const route = routes.find(({ template }) => startsAs(template, url));
    if (!route) continue;
    void send(reply.headers(deprecationHeaders(name, route.successor)), toAnswer(tell()));
    return true;
  }
  return false;
}

function startsAs(template: string, url: string): boolean {
  const at = template.indexOf("{");
  return at > 0 && url.startsWith(template.slice(0, at));
}

interface Registered extends DialectRoutesOptions {
  dialect: Dialect;
  route: DialectRoute;
  tell: Tell;
}

function register(app: FastifyInstance, options: Registered): void {
  const { dialect, route, metrics, tell } = options;
  const headers = deprecationHeaders(dialect.name, route.successor);
  app.route({
    method: route.method,
    url: pathOf(route),
    config: { template: route.template },
    ...(route.maxBodyBytes === undefined ? {} : { bodyLimit: route.maxBodyBytes }),
    onRequest: async (request, reply) => {
      reply.headers(headers);
      reply.raw.once("close", () => metrics.answered(dialect.name, route, reply.statusCode));
      const context = await openContext(options, request, reply);
      request.callContext = context;
      await route.admit?.(toExchange(request, reply, context));
    },
    handler: async (request, reply) =>
      send(reply, await serve(options, toExchange(request, reply, request.callContext!))),
    errorHandler: errorHandlerOf(dialect, tell),
  });
}

function serve({ route, turns, timeoutMs }: Registered, exchange: DialectExchange): Promise<DialectAnswer> {
  if (route.hasOwnBounds) return route.serve(exchange);
  const { caller, clientAddress, signal } = exchange.context;
  const who = caller?.userId ?? clientAddress;
  return turns.run(route.takesItsTime ? `${who} ${route.template}` : who, { timeoutMs, signal }, () =>
    route.serve(exchange),
  );
}

async function openContext(
  { dialect, route, addresses, throttle }: Registered,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<CallContext> {
  const { clientAddress, userAgent } = originOf(request.raw, addresses);
  const signal = signalOf(reply.raw);
  const trace = request.observed?.trace;
  const stranger = { caller: undefined, signal, clientAddress, userAgent, isAdmitted: true, trace };
  const identify = async () => {
    if (route.access === "public") return undefined;
    const caller = await dialect.identify(request, stranger);
    if (!caller && route.access === "required") throw fault("unauthenticated");
    return caller;
  };
  const caller = await identify().catch(async (error) => {
    if (ConnectError.from(error).code === Code.Unauthenticated)
      await throttle.admitStranger(clientAddress, reply.raw);
    throw error;
  });
  await throttle.admitClass(route.rate, { caller, clientAddress }, reply.raw);
  return { ...stranger, caller };
}

function send(reply: FastifyReply, { status = 200, body, text, headers = {} }: DialectAnswer) {
  reply.code(status).header("cache-control", "no-store");
  if (body !== undefined) reply.header("content-type", "application/json; charset=utf-8");
  else if (text !== undefined) reply.header("content-type", "text/plain; charset=utf-8");
  return reply.headers(headers).send(body === undefined ? text : JSON.stringify(body));
}
