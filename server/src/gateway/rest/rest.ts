/**
 * REST: a generic transcoder between HTTP and the methods of the contract (https://google.aip.dev/127). It knows no
 * method by name; what it serves is what the google.api.http options say.
 */
import { type Message, toJson } from "@bufbuild/protobuf";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sessionCookie } from "#gateway/auth/session-cookies.ts";
import { cacheable } from "#gateway/cache/cacheable.ts";
import { type RestCache, serveCached } from "#gateway/cache/rest-caching.ts";
import type { Call, CallContext } from "#gateway/call.ts";
import { chatIdOf } from "#gateway/call-observer.ts";
import type { OpenCall } from "#gateway/http/call-context.ts";
import { signalOf } from "#gateway/http/client-origin.ts";
import { encodeJson } from "#gateway/json/json-encoder.ts";
import { publicServices } from "#gateway/public-services.ts";
import { type Deferral, deferralOf } from "#gateway/rest/deferral.ts";
import { type RestRoute, restRoutes } from "#gateway/rest/http-rules.ts";
import { refuseOtherMethods } from "#gateway/rest/other-methods.ts";
import { restBody } from "#gateway/rest/rest-body.ts";
import { readRestRequest } from "#gateway/rest/rest-request.ts";

export interface RestOptions {
  call: Call;
  openCall: OpenCall;
  /** Whether cookies set in answer to this request are for HTTPS only. */
  isSecure: (request: FastifyRequest) => boolean;
  /** Undefined: no answers are kept. */
  cache?: RestCache | undefined;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Set before the body is read. */
    callContext: CallContext | undefined;
  }
}

/** Throws when the contract's routes contradict each other. */
export function registerRest(app: FastifyInstance, options: RestOptions): void {
  app.decorateRequest("callContext", undefined);
  const methodsByPath = new Map<string, string[]>();
  const routes = restRoutes(publicServices);
  for (const route of routes) {
    const path = fastifyPath(route);
    app.route({
      method: route.httpMethod,
      url: path,
      config: { template: jsonTemplate(route) },
      onRequest: async (request, reply) => {
        const signal = signalOf(reply.raw);
        const context = await options.openCall(route.method, request.raw, reply.raw, signal);
        request.callContext = { ...context, trace: request.observed?.trace };
      },
      handler: handlerOf(route, options, deferralOf(route, routes)),
    });
    methodsByPath.set(path, [...(methodsByPath.get(path) ?? []), route.httpMethod]);
  }
  for (const [path, methods] of methodsByPath) refuseOtherMethods(app, path, methods);
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

function handlerOf(route: RestRoute, options: RestOptions, deferral: Deferral | undefined): Handler {
  const { cache, call } = options;
  const tagsOf = route.httpMethod === "GET" ? cacheable.get(route.method) : undefined;
  if (!cache || !tagsOf) return (request, reply) => serve({ ...options, route, deferral }, request, reply);
  return (request, reply) => {
    const context = request.callContext!;
    // The answer may be for others as well, who wait for it when this client has gone.
    const load = async (message: Message) =>
      answerBody(route, await call(route.method, message, { ...context, signal: undefined }));
    const readMessage = () => readMessageOf(route, request);
    const { userId } = context.caller!;
    return serveCached({ cache, tagsOf, userId, readMessage, load }, request, reply);
  };
}

function readMessageOf(route: RestRoute, request: FastifyRequest): Message {
  const message = readRestRequest(route, {
    pathValues: Object.values(request.params as Record<string, string>),
    query: queryOf(request),
    body: restBody(request),
  });
  if (request.observed) request.observed.chatId = chatIdOf(message);
  return message;
}

interface Served extends RestOptions {
  route: RestRoute;
  deferral: Deferral | undefined;
}

async function serve(options: Served, request: FastifyRequest, reply: FastifyReply) {
  const { route, deferral } = options;
  const message = readMessageOf(route, request);
  deferral?.readHeaders(request, message);
  const answer = await options.call(route.method, message, request.callContext!);
  const cookie = sessionCookie({
    method: route.method,
    request: message,
    answer,
    secure: options.isSecure(request),
  });
  if (cookie) reply.header("set-cookie", cookie);
  deferral?.writeHeaders(request, reply, answer);
  reply.header("content-type", "application/json; charset=utf-8").header("cache-control", "no-store");
  return reply.send(answerBody(route, answer));
}

function answerBody({ method, responseBody }: RestRoute, answer: Message): string {
  if (!responseBody) return encodeJson(method.output, answer);
  const whole = toJson(method.output, answer, { alwaysEmitImplicit: true }) as Record<string, unknown>;
  return JSON.stringify(whole[responseBody.jsonName] ?? null);
}

/** As the API's documentation writes it: /v2/chats/{chatId}. */
function jsonTemplate({ template }: RestRoute): string {
  return template.replace(/\{\w+/g, (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()));
}

/** The segments' names are their positions, so that routes that name the same segment differently get along. */
function fastifyPath({ segments }: RestRoute): string {
  const parts = segments.map((segment, index) =>
    typeof segment === "string" ? segment : `:segment${index}`,
  );
  return `/${parts.join("/")}`;
}

function queryOf(request: FastifyRequest): string {
  const url = request.raw.url ?? "";
  const at = url.indexOf("?");
  return at < 0 ? "" : url.slice(at + 1);
}
