/**
 * A keep-alive HTTP/1.1 connection that does no more than the load needs: one request at a time, bodies counted and
 * dropped, so that the generator takes little of the processor that it shares with the server.
 */
import { connect, type Socket } from "node:net";

export interface HttpConnection {
  /** Resolves to the body's size. Rejects with a StatusError on any status but 200; the connection can go on then. */
  get(request: Buffer): Promise<number>;
  close(): void;
}

/** An answer other than 200. */
export class StatusError extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`answered with ${status}: ${body}`);
    this.name = "StatusError";
    this.status = status;
    this.body = body;
  }
}

export interface HttpTarget {
  host: string;
  port: number;
}

const responseTimeoutMs = 15_000;
const headEnd = Buffer.from("\r\n\r\n");

export async function openHttpConnection(target: HttpTarget): Promise<HttpConnection> {
  const socket = connect({ ...target, noDelay: true });
  let pending: PromiseWithResolvers<number> | undefined;
  let head: Buffer = Buffer.alloc(0);
  let status = 0;
  let bodyBytes = 0;
  let bodyLeft = -1;
  /** Of an answer other than 200: it says why. */
  let body = "";
  const settle = (error?: Error) => {
    const settled = pending;
    pending = undefined;
    if (error) settled?.reject(error);
    else settled?.resolve(bodyBytes);
  };
  const take = (part: Buffer) => {
    bodyLeft -= part.length;
    if (status !== 200) body += part.toString("utf8");
    if (bodyLeft > 0) return;
    bodyLeft = -1;
    settle(status === 200 ? undefined : new StatusError(status, body));
  };
  socket.on("data", (chunk: Buffer) => {
    if (bodyLeft >= 0) return take(chunk);
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    const end = head.indexOf(headEnd);
    if (end < 0) return;
    const text = head.toString("latin1", 0, end);
    const rest = head.subarray(end + headEnd.length);
    head = Buffer.alloc(0);
    status = Number(text.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
    bodyBytes = bodyLeft = contentLength(text);
    body = "";
    if (Number.isNaN(bodyBytes)) return void socket.destroy(new StatusError(status, "no content-length"));
    take(rest);
  });
  socket.on("error", settle);
  socket.on("close", () => settle(new Error("the server closed the connection")));
  // A connection that has nothing to wait for may rest.
  socket.setTimeout(responseTimeoutMs, () => pending && socket.destroy(new Error("no answer")));
  await connected(socket);
  return {
    get(request) {
      if (socket.destroyed) return Promise.reject(new Error("the connection is closed"));
      pending = Promise.withResolvers();
      socket.write(request);
      return pending.promise;
    },
    close: () => socket.destroy(),
  };
}

function contentLength(head: string): number {
  return Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN);
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
}

export function getRequest(path: string, headers: Record<string, string>): Buffer {
  return Buffer.from(requestHead("GET", path, headers));
}

export function postRequest(path: string, headers: Record<string, string>, body: string): Buffer {
  const described = {
    ...headers,
    "content-type": "application/json",
    "content-length": `${Buffer.byteLength(body)}`,
  };
  return Buffer.from(requestHead("POST", path, described) + body);
}

function requestHead(method: string, path: string, headers: Record<string, string>): string {
  const lines = Object.entries({ host: "localhost", ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}
