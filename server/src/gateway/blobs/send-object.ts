/** Answers a GET or HEAD with an object's bytes: all of them, parts, or that they have not changed. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { type BlobRoutesOptions, streamOptions } from "#gateway/blobs/blob-options.ts";
import { digestHeader } from "#gateway/blobs/content-digest.ts";
import { judgeRead, rangeCounts } from "#gateway/blobs/preconditions.ts";
import { contentRange, type Span, spansOf } from "#gateway/blobs/ranges.ts";
import { servingHeaders } from "#gateway/blobs/serving-headers.ts";
import { beginTransfer, type Transfer } from "#gateway/blobs/transfer.ts";
import type { CallContext } from "#gateway/call.ts";
import { fault } from "#platform/errors.ts";

export interface ServedObject {
  objectId: string;
  size: number;
  etag: string;
  contentType: string;
  /** What to save it as. */
  name: string;
  updatedAtMs: number | undefined;
  cacheControl: string;
  /** Metadata. */
  headers: OutgoingHttpHeaders;
}

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
  const common = commonHeaders(reading, object);
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

interface Plan {
  status: number;
  headers: OutgoingHttpHeaders;
  /** Text and parts of the object, in order. */
  parts: (string | Span)[];
}

function commonHeaders({ request, replyHeaders }: Reading, object: ServedObject): OutgoingHttpHeaders {
  const isDownload = /\?download(?:=|$)/.test(request.url ?? "");
  const { updatedAtMs } = object;
  return {
    ...replyHeaders,
    ...servingHeaders({ contentType: object.contentType, name: object.name, isDownload }),
    ...object.headers,
    "accept-ranges": "bytes",
    "cache-control": object.cacheControl,
    etag: object.etag,
    ...(updatedAtMs === undefined ? {} : { "last-modified": new Date(updatedAtMs).toUTCString() }),
  };
}

/** What a 304 need not repeat. */
function withoutContent(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const { "content-type": _, "content-disposition": __, ...rest } = headers;
  return rest;
}

function wholePlan({ etag, size }: ServedObject, common: OutgoingHttpHeaders): Plan {
  const headers = { ...common, "content-length": size, "content-digest": digestHeader(etag) };
  return { status: 200, headers, parts: size === 0 ? [] : [{ start: 0, length: size }] };
}

function partialPlan(
  { etag, size }: ServedObject,
  common: OutgoingHttpHeaders,
  spans: readonly Span[],
): Plan {
  const headers = { ...common, "repr-digest": digestHeader(etag) };
  const [span] = spans as [Span];
  if (spans.length === 1) {
    const single = { "content-length": span.length, "content-range": contentRange(span, size) };
    return { status: 206, headers: { ...headers, ...single }, parts: [span] };
  }
  const boundary = randomUUID();
  const type = common["content-type"];
  const parts: (string | Span)[] = [];
  for (const part of spans) {
    const opening = `\r\n--${boundary}\r\ncontent-type: ${type}\r\ncontent-range: ${contentRange(part, size)}\r\n\r\n`;
    parts.push(opening, part);
  }
  parts.push(`\r\n--${boundary}--\r\n`);
  const lengths = parts.map((part) => (typeof part === "string" ? Buffer.byteLength(part) : part.length));
  const multiple = {
    "content-type": `multipart/byteranges; boundary=${boundary}`,
    "content-length": lengths.reduce((sum, length) => sum + length, 0),
  };
  return { status: 206, headers: { ...headers, ...multiple }, parts };
}

function end({ response, hijack }: Reading, status: number, headers: OutgoingHttpHeaders) {
  hijack();
  response.writeHead(status, headers).end();
}

async function sendParts(options: BlobRoutesOptions, reading: Reading, objectId: string, plan: Plan) {
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

interface SpanRead {
  objectId: string;
  span: Span;
  context: CallContext;
  transfer: Transfer;
}

/** Throws when there are fewer bytes, or more, than there must be. */
async function* readSpan(
  { clients }: BlobRoutesOptions,
  { objectId, span, context, transfer }: SpanRead,
): AsyncGenerator<Uint8Array> {
  const { progress, signal, unlessAborted, fail } = transfer;
  const request = { objectId, offset: span.start, length: span.length };
  const answers = clients.blobsInternal.readObject(request, streamOptions(context, signal));
  const iterator = answers[Symbol.asyncIterator]();
  let left = span.length;
  let isEnded = false;
  try {
    while (left >= 0) {
      progress.waitFor("service");
      const { done, value } = await unlessAborted(iterator.next());
      if (done) {
        isEnded = true;
        break;
      }
      left -= value.data.length;
      if (left >= 0) yield value.data;
    }
    if (left !== 0)
      throw fault("internal", { cause: new Error(`an object is ${left} bytes longer than read`) });
  } finally {
    if (!isEnded) {
      fail(fault("cancelled"));
      void letEnd(iterator);
    }
  }
}

/**
 * Clients of connect-es cannot give an answer up: whoever serves it waits where he handed out the last chunk, until he is asked
 * for more and sees that the signal has aborted. Not waited for, as he may stand still.
 */
async function letEnd(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    while (!(await iterator.next()).done);
  } catch {
    // So it has ended.
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

/** Resolves when the client has taken so much that it may be sent more. */
async function write(response: ServerResponse, chunk: Uint8Array, { progress, unlessAborted }: Transfer) {
  progress.waitFor("client");
  if (response.write(chunk)) return;
  await unlessAborted(new Promise<void>((resolve) => response.once("drain", resolve)));
}
