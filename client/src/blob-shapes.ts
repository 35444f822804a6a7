/** What is known of blobs, and how it is written in URLs and headers. */
import type { BlobJson } from "@parley/api/v2/blob";
import { ParleyError } from "./error.ts";

export interface BlobInfo {
  key: string;
  /** In bytes. */
  size: number;
  contentType: string;
  /** SHA-256 of the bytes, in hex and double quotes. */
  etag: string;
  /** As given with the bytes. Names are in lower case. */
  metadata: Record<string, string>;
  updatedAt?: string;
}

/** Bytes on their way here. They are read once, by one of the three. */
export interface Download {
  body: ReadableStream<Uint8Array>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  text(): Promise<string>;
  /** Which bytes these are, both inclusive; absent when they are all. */
  range?: { from: number; to: number };
}

const metaPrefix = "parley-meta-";

export function toBlobInfo(json: BlobJson = {}): BlobInfo {
  return {
    key: json.key ?? "",
    size: Number(json.size ?? 0),
    contentType: json.contentType ?? "",
    etag: json.etag ?? "",
    metadata: json.metadata ?? {},
    ...(json.updatedAt ? { updatedAt: json.updatedAt as string } : {}),
  };
}

/** Of an answer to GET or HEAD. Pages of other origins see only the headers that the server exposes to them. */
export function infoOf(key: string, { headers }: Response): BlobInfo {
  const modified = Date.parse(headers.get("last-modified") ?? "");
  return {
    key,
    size: rangeOf(headers)?.size ?? Number(headers.get("content-length") ?? 0),
    contentType: headers.get("content-type") ?? "",
    etag: headers.get("etag") ?? "",
    metadata: Object.fromEntries(
      [...headers]
        .filter(([name]) => name.startsWith(metaPrefix))
        .map(([name, value]) => [name.slice(metaPrefix.length), fromHeader(value)]),
    ),
    ...(Number.isNaN(modified) ? {} : { updatedAt: new Date(modified).toISOString() }),
  };
}

export function toDownload(response: Response): Download {
  const range = rangeOf(response.headers);
  return {
    body: response.body ?? new Blob([]).stream(),
    bytes: async () => new Uint8Array(await response.arrayBuffer()),
    text: () => response.text(),
    ...(range ? { range: { from: range.from, to: range.to } } : {}),
  };
}

function rangeOf(headers: Headers): { from: number; to: number; size: number } | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get("content-range") ?? "");
  return match ? { from: Number(match[1]), to: Number(match[2]), size: Number(match[3]) } : undefined;
}

/** The value of a Range header: `from` up to and with `to`, or the end. */
export function rangeHeader({ from, to }: { from: number; to?: number }): string {
  return `bytes=${from}-${to ?? ""}`;
}

export function metadataHeaders(metadata: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => {
      if (!metaNames.test(name)) throw invalid("metadata", "names are 1 to 64 of a-z, 0-9 and -");
      if (!isHeaderText(value))
        throw invalid("metadata", `${name}: no control characters, and no blanks at the ends`);
      return [metaPrefix + name.toLowerCase(), toHeader(value)];
    }),
  );
}

const metaNames = /^[a-z0-9-]{1,64}$/i;

function isHeaderText(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return value.trim() === value && value.isWellFormed() && !/[\x00-\x1f\x7f]/.test(value);
}

/** Headers are bytes, here UTF-8; in JavaScript each byte is a character. */
function toHeader(value: string): string {
  return String.fromCharCode(...new TextEncoder().encode(value));
}

function fromHeader(value: string): string {
  return new TextDecoder().decode(Uint8Array.from(value, (character) => character.charCodeAt(0)));
}

/** "/" stays as it is, for people who read logs; unless a part of the key would be taken for a way up. */
export function blobPath(key: string): string {
  if (key === "" || key === "." || key === ".." || !key.isWellFormed())
    throw invalid("key", "cannot be written in a URL");
  const parts = key.split("/");
  const encoded = parts.map(encodeURIComponent);
  return `/v2/blobs/${encoded.join(parts.some((part) => part === "." || part === "..") ? "%2F" : "/")}`;
}

function invalid(field: string, message: string): ParleyError {
  return new ParleyError("invalid-input", {
    detail: `${field}: ${message}`,
    violations: [{ field, message }],
  });
}
