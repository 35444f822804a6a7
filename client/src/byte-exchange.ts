/**
 * HTTP exchanges whose bodies are bytes. They may take as long as they like, but not stand still: a transfer of which
 * nothing moves for a while has failed.
 */
import { breakOf, type HttpOptions, problem } from "./http.ts";
import type { ByteRequest, SendBytes } from "./send-bytes.ts";

export interface ByteExchangeOptions {
  http: Pick<HttpOptions, "fetch" | "closed">;
  sendBytes: SendBytes;
  stallMs: number;
}

export interface ByteExchange {
  method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  url: string;
  headers?: Record<string, string>;
  /** Of PUT and PATCH. */
  body?: ByteRequest["body"];
  onSent?: (bytes: number) => void;
  signal?: AbortSignal | undefined;
}

/** Resolves with an answer that is ok; rejects with a ParleyError else, or with the reason of the caller's signal. */
export type ExchangeBytes = (exchange: ByteExchange) => Promise<Response>;

export function createByteExchange({ http, sendBytes, stallMs }: ByteExchangeOptions): ExchangeBytes {
  return async ({ method, url, headers = {}, body, onSent, signal }) => {
    const stall = watchForStall(stallMs);
    let isAnswered = false;
    const request = {
      method,
      headers,
      signal: AbortSignal.any([stall.signal, http.closed, ...(signal ? [signal] : [])]),
    };
    try {
      const response = body
        ? await sendBytes({
            ...request,
            method: method as "PUT" | "PATCH",
            url,
            body,
            onSent(bytes) {
              // A refusal may come while the body still goes out.
              if (isAnswered) return;
              stall.moved();
              onSent?.(bytes);
            },
          })
        : await http.fetch(url, request);
      isAnswered = true;
      if (!response.ok) throw problem(response, await response.text());
      return withBody(response, watched(response.body, stall, toThrow));
    } catch (cause) {
      isAnswered = true;
      stall.end();
      throw toThrow(cause);
    }

    function toThrow(cause: unknown): unknown {
      return breakOf(cause, { closed: http.closed, deadline: stall.signal, caller: signal });
    }
  };
}

interface Stall {
  readonly signal: AbortSignal;
  moved(): void;
  end(): void;
}

function watchForStall(stallMs: number): Stall {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const moved = () => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.abort(), stallMs);
  };
  moved();
  return { signal: controller.signal, moved, end: () => clearTimeout(timer) };
}

function withBody(response: Response, body: ReadableStream<Uint8Array> | null): Response {
  const { status, statusText, headers } = response;
  return new Response(body as ReadableStream<Uint8Array<ArrayBuffer>> | null, {
    status,
    statusText,
    headers,
  });
}

/** The time in which nobody reads does not count: only what was asked for can stand still. */
function watched(
  body: ReadableStream<Uint8Array> | null,
  stall: Stall,
  toThrow: (cause: unknown) => unknown,
): ReadableStream<Uint8Array> | null {
  stall.end();
  if (!body) return null;
  const reader = body.getReader();
  return new ReadableStream(
    {
      async pull(controller) {
        stall.moved();
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (cause) {
          controller.error(toThrow(cause));
        } finally {
          stall.end();
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
