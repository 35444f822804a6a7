/** Answers a GET or HEAD with an object's bytes: all of them, parts, or that they have not changed. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import {
  type AnswerPlan,
  commonHeaders,
  partialPlan,
  type ServedObject,
  wholePlan,
  withoutContent,
} from "#gateway/blobs/answer-plan.ts";
import type { BlobRoutesOptions } from "#gateway/blobs/blob-options.ts";
import { judgeRead, rangeCounts } from "#gateway/blobs/preconditions.ts";
import { type Span, spansOf } from "#gateway/blobs/ranges.ts";
import { readSpan } from "#gateway/blobs/read-span.ts";
import { beginTransfer, type Transfer } from "#gateway/blobs/transfer.ts";
import type { CallContext } from "#gateway/call.ts";
import { fault } from "#platform/errors.ts";

export interface Reading {
  request: IncomingMessage;
  response: ServerResponse;
  context: CallContext;
  /** Headers that are there already. */
  replyHeaders: OutgoingHttpHeaders;
  /** Whoever calls this answers for the response from then on. */
  hijack(): void;
  /** The answer broke after it had begun. */
  onBroken(error: unknown): void;
}

/** Throws only as long as the response has not begun; what breaks later breaks the connection. */
export async function sendObject(
  options: BlobRoutesOptions,
  reading: Reading,
  object: ServedObject,
): Promise<void> {
  const { request, response } = reading;
  const verdict = judgeRead(request.headers, object);
  if (verdict === "failed") throw fault("precondition-failed");
  const common = commonHeaders(request.url, reading.replyHeaders, object);
  if (verdict === "not-modified") return end(reading, 304, withoutContent(common));
  const isGet = request.method === "GET";
  const range = isGet && rangeCounts(request.headers, object.etag) ? request.headers.range : undefined;
  const spans = spansOf(range, object.size);
  if (spans === "none") {
    response.setHeader("content-range", `bytes */${object.size}`);
    throw fault("range-not-satisfiable");
  }
  const plan = spans === "whole" ? wholePlan(object, common) : partialPlan(object, common, spans);
  if (!isGet) return end(reading, plan.status, plan.headers);
  await sendParts(options, reading, object.objectId, plan);
}

function end({ response, hijack }: Reading, status: number, headers: OutgoingHttpHeaders) {
  hijack();
  response.writeHead(status, headers).end();
}

async function sendParts(options: BlobRoutesOptions, reading: Reading, objectId: string, plan: AnswerPlan) {
  const { response, context, hijack, onBroken } = reading;
  const transfer = beginTransfer(response, options.limits);
  const read = (span: Span) => readSpan(options, { objectId, span, context, transfer });
  const work = async () => {
    // Whether the bytes can be had shows before the answer is begun.
    const first = plan.parts.find((part) => typeof part !== "string");
    const begun = first && (await begin(read(first)));
    hijack();
    response.writeHead(plan.status, plan.headers);
    try {
      for (const part of plan.parts) {
        if (typeof part === "string") await write(response, Buffer.from(part), transfer);
        else
          for await (const chunk of part === first ? begun! : read(part))
            await write(response, chunk, transfer);
      }
      response.end();
    } catch (error) {
      onBroken(error);
      // Never a clean end to what is not the whole.
      response.destroy();
    }
  };
  try {
    const turn = { timeoutMs: options.timeoutMs, signal: transfer.signal };
    await options.transferTurns.run(context.caller!.userId, turn, work);
  } finally {
    transfer.end();
  }
}

/** The same chunks, of which the first is there already. */
async function begin(chunks: AsyncGenerator<Uint8Array>) {
  const { done, value } = await chunks.next();
  return (async function* () {
    if (!done) yield value;
    yield* chunks;
  })();
}

/** Resolves when the system has taken all of it: the chunk's memory may be somebody else's afterwards. */
async function write(response: ServerResponse, chunk: Uint8Array, { progress, unlessAborted }: Transfer) {
  progress.waitFor("client");
  // One that fails is followed by the end of the response, which aborts the transfer.
  await unlessAborted(
    new Promise<void>((resolve) => response.write(chunk, (error) => void (error || resolve()))),
  );
}
