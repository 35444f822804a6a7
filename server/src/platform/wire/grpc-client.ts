/**
 * A gRPC client on one HTTP/2 connection: unary calls here, streaming ones in grpc-client-stream.ts. connect-es's costs four
 * times what the network does, and every call of a gateway goes through here, see docs/decisions/0025-roles-apart.md.
 */
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { fault } from "#platform/errors.ts";
import { streamResponse } from "#platform/stream-response.ts";
import { unaryResponse } from "#platform/unary-response.ts";
import type { StreamingCall } from "#platform/wire/client-stream.ts";
import { callStreaming } from "#platform/wire/grpc-client-stream.ts";
import { fromGrpcFrame, toGrpcFrame } from "#platform/wire/grpc-frame.ts";
import { type PlainHeaders, requireOk, setGrpcHeaders, toPlainHeaders } from "#platform/wire/grpc-headers.ts";
import type { GrpcClientOptions } from "#platform/wire/grpc-options.ts";

interface Sent {
  path: string;
  headers: PlainHeaders;
  frame: Buffer;
  signal: AbortSignal | undefined;
  timeoutMs: number | undefined;
}

/** Rejects with the ConnectErrors that the service answers, and with others when the connection fails. */
export function createGrpcClient(options: GrpcClientOptions): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input) {
      const headers = toPlainHeaders(header);
      await options.sign(headers);
      setGrpcHeaders(headers, timeoutMs);
      const request = create(method.input, input as MessageInitShape<typeof method.input>);
      const frame = toGrpcFrame(toBinary(method.input, request));
      const path = `/${method.parent.typeName}/${method.name}`;
      const body = await exchange(options, { path, headers, frame, signal, timeoutMs });
      return unaryResponse(method, fromBinary(method.output, body));
    },
    async stream(method, signal, timeoutMs, header, input) {
      const headers = toPlainHeaders(header);
      const call = { method, headers, signal, timeoutMs, input: input as StreamingCall["input"] };
      return streamResponse(method, callStreaming(options, call) as never);
    },
  };
}

/**
 * Resolves to the message that is answered. A caller that has gone, or has no time left, waits for nothing: neither for
 * a connection, nor for a stream to say that it has ended.
 */
function exchange(options: GrpcClientOptions, sent: Sent): Promise<Buffer> {
  const { signal, timeoutMs, headers, path } = sent;
  return new Promise((resolve, reject) => {
    let stream: ClientHttp2Stream | undefined;
    let isSettled = false;
    const settle = (end: () => void) => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      end();
    };
    const giveUp = (reason: unknown) => {
      settle(() => reject(reason));
      stream?.close(constants.NGHTTP2_CANCEL);
    };
    const onAbort = () => giveUp(signal?.reason ?? fault("cancelled"));
    const onLate = () => giveUp(new ConnectError("no answer in time", Code.DeadlineExceeded));
    const timer = timeoutMs === undefined ? undefined : setTimeout(onLate, timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) return onAbort();
    options.sessions.request("POST", path, headers, {}).then((opened) => {
      stream = opened;
      readAnswer(opened, options, { giveUp, end: (body) => settle(() => resolve(body)) });
      if (isSettled) opened.close(constants.NGHTTP2_CANCEL);
      else opened.end(sent.frame);
    }, giveUp);
  });
}

interface AnswerReader {
  giveUp(reason: unknown): void;
  end(body: Buffer): void;
}

function readAnswer(
  stream: ClientHttp2Stream,
  { sessions, maxMessageBytes, onAnswer }: GrpcClientOptions,
  { giveUp, end }: AnswerReader,
) {
  const startedAtMs = performance.now();
  const chunks: Buffer[] = [];
  let length = 0;
  let answered: IncomingHttpHeaders | undefined;
  let trailers: IncomingHttpHeaders | undefined;
  stream.on("response", (headers) => {
    answered = headers;
    onAnswer(headers, performance.now() - startedAtMs);
  });
  stream.on("data", (chunk: Buffer) => {
    sessions.notifyResponseByteRead(stream);
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxMessageBytes) giveUp(new ConnectError("the answer is too large", Code.ResourceExhausted));
  });
  stream.on("trailers", (headers) => {
    trailers = headers;
  });
  stream.on("error", giveUp);
  stream.once("close", () => {
    try {
      requireOk(stream, answered, trailers);
      end(fromGrpcFrame(chunks));
    } catch (error) {
      giveUp(error);
    }
  });
}
