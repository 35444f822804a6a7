/** Measures every HTTP request, and makes calls over REST spans of their traces. */
import type { ServerResponse } from "node:http";
import { SpanKind } from "@opentelemetry/api";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { CallObserver } from "#gateway/call-observer.ts";
import { traceIdHeader } from "#gateway/http/trace.ts";
import { durationBounds, type HistogramSeries } from "#platform/duration-histogram.ts";
import type { PublicError } from "#platform/errors.ts";
import { parseTraceparent, Trace } from "#platform/trace.ts";
import { endSpan } from "#platform/tracing.ts";

export interface ObservedRequest {
  readonly startedAtMs: number;
  readonly trace: Trace;
  told?: PublicError;
  chatId?: string | undefined;
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
  const record = createRecord(observer);
  app.decorateRequest("observed", undefined);
  app.addHook("onRequest", async (request, reply) => {
    const observed = begin(observer, request);
    request.observed = observed;
    if (observed.trace.span) reply.header(traceIdHeader, observed.trace.traceId);
    // "finish" does not come when the client goes away before.
    reply.raw.once("close", () => end(observer, record, { request, reply, observed }));
  });
}

function begin({ telemetry }: CallObserver, request: FastifyRequest): ObservedRequest {
  const { template } = request.routeOptions.config;
  const { traceparent } = request.headers;
  const startedAtMs = performance.now();
  if (template === undefined)
    return { startedAtMs, trace: new Trace(undefined, parseTraceparent(traceparent)) };
  const attributes = {
    "http.request.method": request.method,
    "http.route": template,
    "url.scheme": "http",
    "parley.role": "gateway",
  };
  const options = { kind: SpanKind.SERVER, attributes };
  const trace = telemetry.tracing.accept(traceparent, `${request.method} ${template}`, options);
  return { startedAtMs, trace };
}

interface EndedRequest {
  request: FastifyRequest;
  reply: FastifyReply;
  observed: ObservedRequest;
}

function end(observer: CallObserver, record: RecordRequest, { request, reply, observed }: EndedRequest) {
  const { trace, startedAtMs, told, chatId } = observed;
  const { config, url } = request.routeOptions;
  const method = knownMethods.has(request.method) ? request.method : "_OTHER";
  const status = sentStatus(reply.raw);
  record({ method, route: config.template ?? url, status, errorType: told?.code }, startedAtMs);
  if (trace.span) endSpan(trace.span.setAttribute("http.response.status_code", status), told?.code);
  if (config.template === undefined) return;
  const caller = request.callContext?.caller;
  observer.logFinished(`${method} ${config.template}`, { startedAtMs, trace, caller, told, chatId });
}

/** 499 as nginx has it: the client went away before its answer was complete. */
const sentStatus = (response: ServerResponse) => (response.writableFinished ? response.statusCode : 499);

interface RequestNames {
  method: string;
  route: string | undefined;
  status: number;
  errorType: string | undefined;
}

type RecordRequest = (names: RequestNames, startedAtMs: number) => void;

function createRecord({ telemetry }: CallObserver): RecordRequest {
  const histogram = telemetry.histogram("http.server.request.duration", {
    description: "HTTP requests served",
    unit: "s",
    bounds: durationBounds,
  });
  const seriesByKey = new Map<string, HistogramSeries>();
  const newSeries = ({ method, route, status, errorType }: RequestNames) =>
    histogram.series({
      "http.request.method": method,
      "http.response.status_code": status,
      "url.scheme": "http",
      ...(route === undefined ? {} : { "http.route": route }),
      ...(errorType ? { "error.type": errorType } : {}),
    });
  return (names, startedAtMs) => {
    const key = `${names.method} ${names.route} ${names.status} ${names.errorType}`;
    const series = seriesByKey.get(key) ?? newSeries(names);
    seriesByKey.set(key, series);
    series.record((performance.now() - startedAtMs) / 1_000);
  };
}
