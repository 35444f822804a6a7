/** Measures every HTTP request, and makes calls over REST spans of their traces. */
import type { ServerResponse } from "node:http";
import { SpanKind, type SpanOptions } from "@opentelemetry/api";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { CallObserver } from "#gateway/call-observer.ts";
import { traceIdHeader } from "#gateway/http/trace.ts";
import type { PublicError } from "#platform/errors.ts";
import {
  durationBounds,
  type Histogram,
  type HistogramSeries,
} from "#platform/telemetry/duration-histogram.ts";
import { endSpan } from "#platform/telemetry/tracing.ts";
import { parseTraceparent, Trace } from "#platform/trace.ts";

export interface ObservedRequest {
  readonly startedAtMs: number;
  readonly trace: Trace;
  readonly route: ObservedRoute;
  told?: PublicError;
  chatId?: string | undefined;
}

/** What requests of one route have in common. */
interface ObservedRoute {
  readonly method: string;
  /** Undefined: there is no such route. */
  readonly path: string | undefined;
  /** Undefined: no span, as it is no call. */
  readonly span: { name: string; options: SpanOptions } | undefined;
  /** By status and error code. */
  readonly series: Map<string, HistogramSeries>;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** The template of a REST route, which is what spans and metrics call it. */
    template?: string;
  }
  interface FastifyRequest {
    /** Undefined for what Fastify refuses before it looks for a route. */
    observed: ObservedRequest | undefined;
  }
}

const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** To be called before routes are added. */
export function observeHttp(app: FastifyInstance, observer: CallObserver): void {
  const routeOf = createRoutes();
  const histogram = observer.telemetry.histogram("http.server.request.duration", {
    description: "HTTP requests served",
    unit: "s",
    bounds: durationBounds,
  });
  app.decorateRequest("observed", undefined);
  app.addHook("onRequest", (request, reply, done) => {
    const observed = begin(observer, routeOf(request), request);
    request.observed = observed;
    if (observed.trace.span) reply.header(traceIdHeader, observed.trace.traceId);
    // "finish" does not come when the client goes away before.
    reply.raw.once("close", () => {
      const status = sentStatus(reply.raw);
      record(histogram, observed, status);
      end(observer, { request, observed, status });
    });
    done();
  });
}

/** Fastify makes its description of a route anew whenever it is asked. */
function createRoutes(): (request: FastifyRequest) => ObservedRoute {
  const routes = new Map<string, ObservedRoute>();
  return (request) => {
    const { config, url } = request.routeOptions;
    const method = knownMethods.has(request.method) ? request.method : "_OTHER";
    const key = `${method} ${url}`;
    const known = routes.get(key);
    if (known) return known;
    const route = newRoute(method, config.template, url);
    routes.set(key, route);
    return route;
  };
}

function newRoute(method: string, template: string | undefined, url: string | undefined): ObservedRoute {
  const route = { method, path: template ?? url, series: new Map() };
  if (template === undefined) return { ...route, span: undefined };
  const attributes = {
    "http.request.method": method,
    "http.route": template,
    "url.scheme": "http",
    "parley.role": "gateway",
  };
  return {
    ...route,
    span: { name: `${method} ${template}`, options: { kind: SpanKind.SERVER, attributes } },
  };
}

function begin({ telemetry }: CallObserver, route: ObservedRoute, request: FastifyRequest): ObservedRequest {
  const startedAtMs = performance.now();
  const { traceparent } = request.headers;
  const trace = route.span
    ? telemetry.tracing.accept(traceparent, route.span.name, route.span.options)
    : new Trace(undefined, parseTraceparent(traceparent));
  return { startedAtMs, trace, route };
}

interface EndedRequest {
  request: FastifyRequest;
  observed: ObservedRequest;
  status: number;
}

function end(observer: CallObserver, { request, observed, status }: EndedRequest) {
  const { trace, startedAtMs, told, chatId, route } = observed;
  if (trace.span) endSpan(trace.span.setAttribute("http.response.status_code", status), told?.code);
  if (!route.span) return;
  const caller = request.callContext?.caller;
  observer.logFinished(route.span.name, { startedAtMs, trace, caller, told, chatId });
}

/** 499 as nginx has it: the client went away before its answer was complete. */
const sentStatus = (response: ServerResponse) => (response.writableFinished ? response.statusCode : 499);

function record(histogram: Histogram, { startedAtMs, told, route }: ObservedRequest, status: number) {
  const key = told ? `${status} ${told.code}` : String(status);
  let series = route.series.get(key);
  if (!series) {
    series = histogram.series({
      "http.request.method": route.method,
      "http.response.status_code": status,
      "url.scheme": "http",
      ...(route.path === undefined ? {} : { "http.route": route.path }),
      ...(told ? { "error.type": told.code } : {}),
    });
    route.series.set(key, series);
  }
  series.record((performance.now() - startedAtMs) / 1_000);
}
