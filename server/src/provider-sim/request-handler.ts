/** HTTP in front of a simulated provider: texts to process, and what its operator asks. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { sendJson, sendResult } from "#provider-sim/answers.ts";
import type { SimulatedProvider, Verdict } from "#provider-sim/simulated-provider.ts";
import { type WireFormat, wireFormatOf } from "#provider-sim/wire-format.ts";

const maxBodyBytes = 2 * 1024 * 1024;

export interface HandlerOptions {
  readonly provider: SimulatedProvider;
  /** In lower case. */
  readonly idempotencyHeader: string;
  random(): number;
}

export function createRequestHandler(options: HandlerOptions): RequestListener {
  const operate = createOperation(options.provider);
  return (request, response) => {
    const path = pathOf(request);
    const operation = operate(`${request.method} ${path}`);
    if (!operation && request.method !== "POST") {
      sendJson(response, 404, { error: "POST a text, GET /ledger, POST /reset or PUT /behaviour" });
      return;
    }
    readBody(request, response, (body) => {
      if (operation) operation(response, body);
      else processText(options, { request, response, body, format: wireFormatOf(path) });
    });
  };
}

type Operation = (response: ServerResponse, body: string) => void;

function createOperation(provider: SimulatedProvider): (route: string) => Operation | undefined {
  const operations: Record<string, Operation> = {
    "GET /ledger": (response) => sendJson(response, 200, provider.ledger()),
    "POST /reset": (response) => {
      provider.reset();
      sendJson(response, 200, provider.ledger());
    },
    "PUT /behaviour": (response, body) => {
      try {
        provider.change(JSON.parse(body));
        sendJson(response, 200, {});
      } catch (error) {
        sendJson(response, 400, { error: (error as Error).message });
      }
    },
  };
  return (route) => (Object.hasOwn(operations, route) ? operations[route] : undefined);
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: string;
  readonly format: WireFormat;
}

function processText(options: HandlerOptions, exchange: Exchange): void {
  const { request, response, body, format } = exchange;
  const { provider } = options;
  const text = textIn(body, format);
  if (text === undefined) {
    sendJson(response, 400, format.failure("there is no text in the body"));
    return;
  }
  const header = request.headers[options.idempotencyHeader];
  const id = typeof header === "string" ? header : undefined;
  provider.underWay++;
  response.once("close", () => void provider.underWay--);
  after(provider.behaviour.travel(options.random), () =>
    answer(provider, exchange, provider.arrive({ id, text })),
  );
}

function textIn(body: string, format: WireFormat): string | undefined {
  try {
    const value = JSON.parse(body);
    return typeof value === "object" && value !== null ? format.textOf(value) : undefined;
  } catch {
    return undefined;
  }
}

function answer(provider: SimulatedProvider, { response, format }: Exchange, verdict: Verdict): void {
  const { rateLimitHeaders, retryAfter, lateMs } = provider.behaviour;
  const headers = rateLimitHeaders ? rateLimitsOf(provider) : undefined;
  if (verdict.kind === "refused") {
    const { retryAfterMs } = verdict;
    const hint =
      retryAfter && retryAfterMs !== undefined ? { "retry-after": Math.ceil(retryAfterMs / 1_000) } : {};
    sendJson(response, 429, format.failure("too many requests"), { ...headers, ...hint });
    return;
  }
  const { result, readyInMs } = verdict;
  const fault = verdict.kind === "taken" ? verdict.fault : ({ kind: "ok" } as const);
  after(readyInMs + (fault.kind === "late" ? lateMs : 0), () =>
    sendResult(response, { format, result, fault, headers }),
  );
}

/** As draft-ietf-httpapi-ratelimit-headers writes them. */
function rateLimitsOf(provider: SimulatedProvider): Record<string, string> {
  const left = provider.quotasLeft();
  if (left.length === 0) return {};
  const seconds = (ms: number) => Math.ceil(ms / 1_000);
  const policies = left.map(
    ({ limit, windowMs, blockMs }, i) => `"${i}";q=${limit};w=${seconds(windowMs || blockMs)}`,
  );
  const limits = left.map(({ remaining, resetMs }, i) => `"${i}";r=${remaining};t=${seconds(resetMs)}`);
  return { "ratelimit-policy": policies.join(", "), ratelimit: limits.join(", ") };
}

/** At once when there is nothing to wait for. */
function after(delayMs: number, run: () => void): void {
  if (delayMs <= 0) run();
  else setTimeout(run, delayMs).unref();
}

function readBody(request: IncomingMessage, response: ServerResponse, then: (body: string) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) chunks.push(chunk);
  });
  request.on("end", () => {
    if (bytes > maxBodyBytes) sendJson(response, 413, { error: "the body is too large" });
    else then(chunks.length === 1 ? chunks[0]!.toString() : Buffer.concat(chunks).toString());
  });
  request.on("error", () => response.destroy());
}

function pathOf({ url = "/" }: IncomingMessage): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}
