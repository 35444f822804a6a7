/**
 * Streaming calls of the gRPC client. Nothing of what a call streams is asked for before the server has let it in, which
 * the server says by its headers: until then the call has certainly not been carried out, and can be made elsewhere.
 */
import type { ClientHttp2Stream } from "node:http2";
import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { fault, toFault } from "#platform/errors.ts";
import { type Answer, openStream, type StreamingCall, watchAnswer } from "#platform/wire/client-stream.ts";
import { readGrpcFrames, toGrpcFrame } from "#platform/wire/grpc-frame.ts";
import { requireOk } from "#platform/wire/grpc-headers.ts";
import type { GrpcClientOptions } from "#platform/wire/grpc-options.ts";
import { createPatience, type Patience } from "#platform/wire/patience.ts";
import { incomingBytes, StreamGone, writeBytes } from "#platform/wire/stream-bytes.ts";

/** From the last byte on: the server may have much to do with them before it answers. */
const answerPatienceMs = 300_000;

/** Nothing happens until it is iterated. Throws as unary calls reject. */
export async function* callStreaming(
  options: GrpcClientOptions,
  call: StreamingCall,
): AsyncGenerator<MessageShape<DescMessage>> {
  const ending = new AbortController();
  const stopWatching = endWith(ending, call);
  const patience = createPatience(() => ending.abort(stalled()));
  try {
    patience.begin(options.stallMs);
    const stream = await openStream(options, call, ending.signal);
    const answer = watchAnswer(stream, options.onAnswer);
    const isUpload = call.method.methodKind === "client_streaming";
    if (isUpload) await answer.begun;
    patience.end();
    if (isUpload && !answer.isAdmitted) return requireOk(stream, answer.headers, answer.trailers);
    const onSent = () => isUpload && patience.begin(answerPatienceMs);
    void send(stream, call, { ending, stallMs: options.stallMs, onSent });
    yield* receive(stream, { answer, call, options, patience: isUpload ? undefined : patience });
  } catch (error) {
    throw ending.signal.aborted ? ending.signal.reason : error;
  } finally {
    patience.end();
    stopWatching();
    ending.abort(fault("cancelled"));
  }
}

const stalled = () => fault("timeout", { detail: "The transfer did not move any more" });

/** Ends it when the caller goes away or its time is over. Returns what stops watching for that. */
function endWith(ending: AbortController, { signal, timeoutMs }: StreamingCall): () => void {
  const onAbort = () => ending.abort(toFault(signal?.reason));
  const onLate = () => ending.abort(fault("timeout"));
  const timer = timeoutMs === undefined ? undefined : setTimeout(onLate, timeoutMs);
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  };
}

interface Receiving {
  answer: Answer;
  call: StreamingCall;
  options: GrpcClientOptions;
  patience: Patience | undefined;
}

async function* receive(stream: ClientHttp2Stream, { answer, call, options, patience }: Receiving) {
  const onBytes = () => options.sessions.notifyResponseByteRead(stream);
  const bytes = incomingBytes(stream, { patience, patienceMs: options.stallMs, onBytes });
  try {
    for await (const frame of readGrpcFrames(bytes, options.maxMessageBytes))
      yield fromBinary(call.method.output, frame);
  } catch (error) {
    // A server that answers before it has read everything resets the stream, and its answer still counts.
    if (answer.trailers) requireOk(stream, answer.headers, answer.trailers);
    throw error;
  }
  await answer.told;
  requireOk(stream, answer.headers, answer.trailers);
}

interface Sending {
  ending: AbortController;
  stallMs: number;
  onSent(): void;
}

/** Never rejects: what the input throws, ends the call. The input is returned when the call ends before it does. */
async function send(stream: ClientHttp2Stream, { method, input }: StreamingCall, sending: Sending) {
  const { ending, stallMs, onSent } = sending;
  const patience = createPatience(() => ending.abort(stalled()));
  const iterator = input[Symbol.asyncIterator]();
  const giveBack = () => void iterator.return?.().catch(() => {});
  ending.signal.addEventListener("abort", giveBack, { once: true });
  try {
    for (;;) {
      const next = await iterator.next();
      if (ending.signal.aborted) return;
      if (next.done) break;
      const frame = toGrpcFrame(toBinary(method.input, create(method.input, next.value)));
      await writeBytes(stream, frame, { patience, patienceMs: stallMs });
    }
    ending.signal.removeEventListener("abort", giveBack);
    stream.end();
    onSent();
  } catch (error) {
    // What the server says of it, or that it is lost, is read from the stream.
    if (!(error instanceof StreamGone)) ending.abort(toFault(error));
  }
}
