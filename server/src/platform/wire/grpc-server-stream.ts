/** Streaming calls of the gRPC server. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import {
  type DescMessage,
  type DescMethodStreaming,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { fault, toFault } from "#platform/errors.ts";
import { runStreamHandler, type StreamHandler } from "#platform/stream-handlers.ts";
import { readGrpcFrames, toGrpcFrame } from "#platform/wire/grpc-frame.ts";
import { deadlineOf, passedOn } from "#platform/wire/grpc-headers.ts";
import type { GrpcServerOptions, ReceivedCall } from "#platform/wire/grpc-options.ts";
import { createPatience } from "#platform/wire/patience.ts";
import { answerError, beginAnswer, endAnswer } from "#platform/wire/server-answer.ts";
import { incomingBytes, type Turns, writeBytes } from "#platform/wire/stream-bytes.ts";

export interface StreamRoute {
  method: DescMethodStreaming;
  handler: StreamHandler;
}

/** A transfer lasts as long as it lasts: its caller may give it more than other calls are given. */
const maxDeadlineMs = 86_400_000;

export async function serveStreaming(
  stream: ServerHttp2Stream,
  received: IncomingHttpHeaders,
  { method, handler }: StreamRoute,
  options: GrpcServerOptions,
) {
  const gone = new AbortController();
  stream.once("aborted", () => gone.abort(fault("cancelled")));
  const { stallMs, maxMessageBytes } = options;
  const newTurns = (): Turns => ({
    patience: createPatience(() => giveUp(stream, gone)),
    patienceMs: stallMs,
  });
  const writing = newTurns();
  const call: ReceivedCall = { method, headers: passedOn(received) };
  try {
    await options.admit(call);
    const timeoutMs = deadlineOf(received, maxDeadlineMs);
    beginAnswer(stream, options.answerHeaders());
    const answers = runStreamHandler(handler, {
      method,
      requests: readRequests(stream, method, newTurns(), maxMessageBytes),
      protocolName: "grpc",
      url: `http://service${received[":path"]}`,
      timeoutMs,
      signal: gone.signal,
      header: call.headers,
    });
    for await (const answer of answers)
      await writeBytes(stream, toGrpcFrame(toBinary(method.output, answer)), writing);
    endAnswer(stream);
  } catch (error) {
    const reason = gone.signal.aborted ? gone.signal.reason : error;
    options.onFailure(call, reason);
    answerError(stream, toFault(reason), options.answerHeaders());
  }
}

/** What waits to be sent to somebody who reads no more, would hold back also the news that it is over. */
function giveUp(stream: ServerHttp2Stream, gone: AbortController) {
  gone.abort(fault("timeout", { detail: "The transfer did not move any more" }));
  if (stream.writableLength > 0) stream.close(constants.NGHTTP2_CANCEL);
}

async function* readRequests(
  stream: ServerHttp2Stream,
  { input }: DescMethodStreaming,
  turns: Turns,
  maxMessageBytes: number,
): AsyncGenerator<MessageShape<DescMessage>> {
  try {
    for await (const frame of readGrpcFrames(incomingBytes(stream, turns), maxMessageBytes))
      yield decode(input, frame);
    // A reset reads like an end.
    if (stream.aborted) throw fault("cancelled");
  } catch (error) {
    throw stream.aborted ? fault("cancelled", { cause: error }) : error;
  }
}

function decode(input: DescMessage, frame: Uint8Array): MessageShape<DescMessage> {
  try {
    return fromBinary(input, frame);
  } catch (cause) {
    throw fault("malformed-request", { cause });
  }
}
