/** A stream of HTTP/2 that a streaming call is made on, and what is answered on it. */
import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import type { DescMessage, DescMethodStreaming, MessageInitShape } from "@bufbuild/protobuf";
import { untilAborted } from "#platform/unary-handlers.ts";
import { type PlainHeaders, setGrpcHeaders } from "#platform/wire/grpc-headers.ts";
import type { GrpcClientOptions } from "#platform/wire/grpc-options.ts";

export interface StreamingCall {
  method: DescMethodStreaming;
  headers: PlainHeaders;
  signal: AbortSignal | undefined;
  timeoutMs: number | undefined;
  input: AsyncIterable<MessageInitShape<DescMessage>>;
}

/** It is closed when the call ends, however that does. */
export async function openStream(
  { sessions, sign }: GrpcClientOptions,
  { method, headers, timeoutMs }: StreamingCall,
  ending: AbortSignal,
): Promise<ClientHttp2Stream> {
  ending.throwIfAborted();
  await sign(headers);
  setGrpcHeaders(headers, timeoutMs);
  const opening = sessions.request("POST", `/${method.parent.typeName}/${method.name}`, headers, {});
  opening.then(
    (stream) => {
      // Whoever reads or writes is told.
      stream.on("error", () => {});
      if (ending.aborted) close(stream);
      else ending.addEventListener("abort", () => close(stream), { once: true });
    },
    () => {},
  );
  return untilAborted(ending, opening);
}

/**
 * Tells the server by a reset, unless both have said all. Not by close(), which sends the end of the body first: the server
 * would take what was cut off for all there is.
 */
function close(stream: ClientHttp2Stream) {
  const isOver = stream.writableEnded && stream.readableEnded;
  stream.destroy(isOver ? undefined : new Error("the call was given up"));
}

export interface Answer {
  readonly headers: IncomingHttpHeaders | undefined;
  readonly trailers: IncomingHttpHeaders | undefined;
  /** The server has begun with the call; false for one that it refuses at once. */
  readonly isAdmitted: boolean;
  /** Resolves when the headers are there, or never will be. */
  readonly begun: Promise<void>;
  /** Resolves when the status is there, or never will be. */
  readonly told: Promise<void>;
}

export function watchAnswer(stream: ClientHttp2Stream, onAnswer: GrpcClientOptions["onAnswer"]): Answer {
  const startedAtMs = performance.now();
  const begun = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  let headers: IncomingHttpHeaders | undefined;
  let trailers: IncomingHttpHeaders | undefined;
  const settle = () => {
    begun.resolve();
    told.resolve();
  };
  stream.once("response", (received) => {
    headers = received;
    onAnswer(received, performance.now() - startedAtMs);
    if (received["grpc-status"] === undefined) begun.resolve();
    else settle();
  });
  stream.once("trailers", (received) => {
    trailers = received;
    settle();
  });
  stream.once("close", settle);
  return {
    get headers() {
      return headers;
    },
    get trailers() {
      return trailers;
    },
    get isAdmitted() {
      return headers !== undefined && headers["grpc-status"] === undefined;
    },
    begun: begun.promise,
    told: told.promise,
  };
}
