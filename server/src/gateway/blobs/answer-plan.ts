/** What an answer with an object's bytes looks like: its headers, and which bytes come in which order. */
import { randomUUID } from "node:crypto";
import type { OutgoingHttpHeaders } from "node:http";
import { digestHeader } from "#gateway/blobs/content-digest.ts";
import { contentRange, type Span } from "#gateway/blobs/ranges.ts";
import { servingHeaders } from "#gateway/blobs/serving-headers.ts";

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

export interface AnswerPlan {
  status: number;
  headers: OutgoingHttpHeaders;
  /** Text and parts of the object, in order. */
  parts: (string | Span)[];
}

export function commonHeaders(
  url: string | undefined,
  replyHeaders: OutgoingHttpHeaders,
  object: ServedObject,
): OutgoingHttpHeaders {
  const isDownload = /\?download(?:=|$)/.test(url ?? "");
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
export function withoutContent(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const { "content-type": _, "content-disposition": __, ...rest } = headers;
  return rest;
}

export function wholePlan({ etag, size }: ServedObject, common: OutgoingHttpHeaders): AnswerPlan {
  const headers = { ...common, "content-length": size, "content-digest": digestHeader(etag) };
  return { status: 200, headers, parts: size === 0 ? [] : [{ start: 0, length: size }] };
}

export function partialPlan(
  { etag, size }: ServedObject,
  common: OutgoingHttpHeaders,
  spans: readonly Span[],
): AnswerPlan {
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
