/** Blobs and resumable uploads (tus 1.0) in memory, with what can go wrong on the way. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

interface Held {
  bytes: Buffer;
  contentType: string;
  metadata: Record<string, string>;
}

interface Upload {
  owner: string;
  size: number;
  bytes: Buffer;
  given: Record<string, string>;
}

export interface BlobTrouble {
  /** After so many bytes of a body the connection breaks, once; a resumable upload keeps them. */
  breaksAfter?: number;
  /** The next answers, instead of what was asked for, before the body is read. */
  refusals?: { status: number; code: string; headers?: Record<string, string> }[];
  /** What is asked for is done, but its answer is lost, once. */
  losesAnswer?: boolean;
  /** What is asked for is done, and this is called instead of answering. */
  holdsAnswer?: () => void;
  /** Bodies are not read. */
  stalls?: boolean;
}

export interface BlobRoutes {
  trouble: BlobTrouble;
  /** By key, of whoever asked. */
  readonly blobs: Map<string, Held>;
  readonly uploads: Map<string, Upload>;
  readonly given: { method: string; url: string; headers: IncomingMessage["headers"] }[];
  takes(url: string): boolean;
  answer(request: IncomingMessage, response: ServerResponse, userId: string): Promise<void>;
}

export const etagOf = (bytes: Uint8Array) => `"${createHash("sha256").update(bytes).digest("hex")}"`;

export function createBlobRoutes(): BlobRoutes {
  const blobs = new Map<string, Held>();
  const uploads = new Map<string, Upload>();
  let uploadCount = 0;

  const routes: BlobRoutes = {
    trouble: {},
    blobs,
    uploads,
    given: [],
    takes: (url) => /^\/v2\/(blobs|uploads|blob-usage|chats\/[^/]+\/messages\/[^/]+\/attachments)/.test(url),
    async answer(request, response, userId) {
      const url = request.url!;
      routes.given.push({ method: request.method!, url, headers: request.headers });
      const refusal = routes.trouble.refusals?.shift();
      if (refusal) return refuse(response, refusal.status, refusal.code, refusal.headers);
      if (routes.trouble.stalls) return;
      if (url === "/v2/blob-usage") return void send(response, 200, { used: 5, quota: 10, blobCount: 1 });
      if (url.startsWith("/v2/uploads")) return onUpload(request, response, userId);
      if (/^\/v2\/blobs(\?|$)/.test(url)) return list(response, new URL(url, "http://host").searchParams);
      await onBlob(request, response, decodeURIComponent(url.replace("/v2/blobs/", "")));
    },
  };

  function list(response: ServerResponse, query: URLSearchParams): void {
    const keys = [...blobs.keys()].filter((key) => key.startsWith(query.get("prefix") ?? "")).sort();
    const from = Number(query.get("cursor") ?? 0);
    const page = keys.slice(from, from + 2);
    const nextCursor = from + 2 < keys.length ? { nextCursor: String(from + 2) } : {};
    send(response, 200, { blobs: page.map((key) => json(key, blobs.get(key)!)), ...nextCursor });
  }

  async function onBlob(request: IncomingMessage, response: ServerResponse, key: string): Promise<void> {
    const { method, headers } = request;
    const held = blobs.get(key);
    if (method === "PUT") {
      if (headers["if-none-match"] === "*" && held) return refuse(response, 412, "precondition-failed");
      const read = await readBytes(request);
      if (!read) return;
      const metadata = Object.fromEntries(
        Object.entries(headers)
          .filter(([name]) => name.startsWith("parley-meta-"))
          .map(([name, value]) => [
            name.slice("parley-meta-".length),
            Buffer.from(String(value), "latin1").toString(),
          ]),
      );
      const put = { bytes: read, contentType: headers["content-type"]!, metadata };
      blobs.set(key, put);
      return finish(request, response, held ? 200 : 201, json(key, put));
    }
    if (method === "DELETE") {
      blobs.delete(key);
      return void response.writeHead(204).end();
    }
    if (!held) return refuse(response, 404, "blob-not-found");
    const { bytes, contentType, metadata } = held;
    const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "");
    const from = Number(range?.[1] ?? 0);
    const to = Math.min(Number(range?.[2] || bytes.length - 1), bytes.length - 1);
    const body = range ? bytes.subarray(from, to + 1) : bytes;
    response.writeHead(range ? 206 : 200, {
      "content-type": contentType,
      "content-length": body.length,
      etag: etagOf(bytes),
      "last-modified": "Sat, 21 Nov 2026 12:00:00 GMT",
      ...(range ? { "content-range": `bytes ${from}-${to}/${bytes.length}` } : {}),
      ...Object.fromEntries(
        Object.entries(metadata).map(([name, value]) => [
          `parley-meta-${name}`,
          Buffer.from(value).toString("latin1"),
        ]),
      ),
    });
    if (routes.trouble.breaksAfter === undefined || method === "HEAD") {
      return void response.end(method === "HEAD" ? undefined : body);
    }
    response.write(body.subarray(0, routes.trouble.breaksAfter), () => request.socket.destroy());
  }

  async function onUpload(request: IncomingMessage, response: ServerResponse, owner: string): Promise<void> {
    const { method, headers } = request;
    const tus = { "tus-resumable": "1.0.0" };
    if (method === "POST") {
      const id = `u${++uploadCount}`;
      const given = Object.fromEntries(
        String(headers["upload-metadata"])
          .split(",")
          .map((pair) => pair.split(" "))
          .map(([name, value]) => [name!, Buffer.from(value!, "base64").toString()]),
      );
      uploads.set(id, { owner, size: Number(headers["upload-length"]), bytes: Buffer.alloc(0), given });
      return void response.writeHead(201, { ...tus, location: `/v2/uploads/${id}` }).end();
    }
    const id = request.url!.split("/").at(-1)!;
    const upload = uploads.get(id);
    if (upload?.owner !== owner) return refuse(response, 404, "upload-not-found");
    if (method === "DELETE") {
      uploads.delete(id);
      return void response.writeHead(204, tus).end();
    }
    if (method === "PATCH") {
      if (Number(headers["upload-offset"]) !== upload.bytes.length)
        return refuse(response, 409, "upload-offset-mismatch");
      const before = upload.bytes;
      const read = await readBytes(request, (part) => {
        upload.bytes = Buffer.concat([before, part]);
      });
      if (!read) return;
      upload.bytes = Buffer.concat([before, read]);
      if (upload.bytes.length === upload.size) {
        const { key = "", contentType = "", ...metadata } = upload.given;
        blobs.set(key, { bytes: upload.bytes, contentType, metadata });
      }
      return finish(request, response, 204, undefined, {
        ...tus,
        "upload-offset": String(upload.bytes.length),
      });
    }
    response.writeHead(200, {
      ...tus,
      "upload-offset": upload.bytes.length,
      "upload-length": upload.size,
    });
    response.end();
  }

  /** undefined when the connection was broken. */
  async function readBytes(
    request: IncomingMessage,
    keep?: (part: Buffer) => void,
  ): Promise<Buffer | undefined> {
    const { breaksAfter } = routes.trouble;
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of request) {
      chunks.push(chunk);
      size += chunk.length;
      if (breaksAfter === undefined || size < breaksAfter) continue;
      delete routes.trouble.breaksAfter;
      keep?.(Buffer.concat(chunks).subarray(0, breaksAfter));
      request.socket.destroy();
      return undefined;
    }
    return Buffer.concat(chunks);
  }

  function finish(
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    body?: object,
    headers: Record<string, string> = {},
  ): void {
    if (routes.trouble.holdsAnswer) routes.trouble.holdsAnswer();
    else if (routes.trouble.losesAnswer) {
      routes.trouble.losesAnswer = false;
      request.socket.destroy();
    } else if (body) send(response, status, body, headers);
    else response.writeHead(status, headers).end();
  }

  return routes;
}

function json(key: string, { bytes, contentType, metadata }: Held) {
  return { key, size: bytes.length, contentType, metadata, etag: etagOf(bytes) };
}

function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number, code: string, headers = {}): void {
  response.writeHead(status, { "content-type": "application/problem+json", ...headers });
  response.end(JSON.stringify({ code, detail: `No: ${code}` }));
}
