/** Puts the routes of the dialects that are on beside those of the contract. Each dialect fails in its own old shape. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { CallContext } from "#gateway/call.ts";
import type { CallTurns } from "#gateway/call-turns.ts";
import type {
  Dialect,
  DialectAnswer,
  DialectExchange,
  DialectRoute,
  DialectSocket,
} from "#gateway/dialects/dialect.ts";
import { answerUnknownPaths, errorHandlerOf, type Tell } from "#gateway/dialects/dialect-errors.ts";
import type { DialectMetrics } from "#gateway/dialects/dialect-metrics.ts";
import { toExchange } from "#gateway/dialects/exchange.ts";
import { sendAnswer } from "#gateway/dialects/send-answer.ts";
import { deprecationHeaders } from "#gateway/dialects/versions.ts";
import type { ClientAddresses } from "#gateway/http/client-address.ts";
import { originOf, signalOf } from "#gateway/http/client-origin.ts";
import { refuseOtherMethods } from "#gateway/rest/other-methods.ts";
import { countingRefusals } from "#gateway/throttle/refused-strangers.ts";
import type { Throttle } from "#gateway/throttle/throttle.ts";
import { fault } from "#platform/errors.ts";

export interface DialectRoutesOptions {
  dialects: readonly Dialect[];
  addresses: Pick<ClientAddresses, "addressOf">;
  throttle: Pick<Throttle, "admitClass" | "admitStranger">;
  /** Of each caller's requests only so many are under way at once. */
  turns: CallTurns;
  timeoutMs: number;
  metrics: DialectMetrics;
}

export function registerDialects(app: FastifyInstance, options: DialectRoutesOptions, tell: Tell): void {
  for (const dialect of options.dialects) {
    const routesByPath = new Map<string, DialectRoute[]>();
    for (const route of [...dialect.routes, ...(dialect.sockets ?? []).map(socketRoute)]) {
      register(app, { ...options, dialect, route, tell });
      const path = pathOf(route);
      routesByPath.set(path, [...(routesByPath.get(path) ?? []), route]);
    }
    const errorHandler = errorHandlerOf(dialect, tell);
    for (const [path, routes] of routesByPath) {
      const methods = routes.map(({ method }) => String(method));
      const headers = deprecationHeaders(dialect.name, routes[0]!.successor);
      refuseOtherMethods(app, path, methods, { headers, errorHandler });
    }
  }
  answerUnknownPaths(app, options.dialects, tell);
}

const pathOf = ({ path, template }: DialectRoute) => path ?? template.replaceAll(/\{(\w+)\}/g, ":$1");

/** Asked for without an upgrade. */
const socketRoute = ({ path, successor }: DialectSocket): DialectRoute => ({
  method: "GET",
  template: path,
  access: "public",
  rate: "address",
  successor,
  async serve() {
    throw fault("malformed-request", {
      detail: "This path is for a WebSocket: the request must ask for the upgrade",
    });
  },
});

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
      sendAnswer(reply, await serve(options, toExchange(request, reply, request.callContext!))),
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
  const caller = await countingRefusals(identify(), throttle, { clientAddress, response: reply.raw });
  await throttle.admitClass(route.rate, { caller, clientAddress }, reply.raw);
  return { ...stranger, caller };
}
