/**
 * A keep-alive HTTP/1.1 connection that does no more than the load needs: one request at a time, bodies counted and
 * dropped, so that the generator takes little of the processor that it shares with the server.
 */
import { connect, type Socket } from "node:net";

export interface HttpConnection {
  /** Resolves to the body's size. Rejects on any status but 200. */
  get(request: Buffer): Promise<number>;
  close(): void;
}

export interface HttpTarget {
  host: string;
  port: number;
}

const responseTimeoutMs = 10_000;
const headEnd = Buffer.from("\r\n\r\n");

export async function openHttpConnection(target: HttpTarget): Promise<HttpConnection> {
  const socket = connect({ ...target, noDelay: true });
  let pending: PromiseWithResolvers<number> | undefined;
  let head: Buffer = Buffer.alloc(0);
  let bodyBytes = 0;
  let bodyLeft = -1;
  const settle = (error?: Error) => {
    const settled = pending;
    pending = undefined;
    if (error) settled?.reject(error);
    else settled?.resolve(bodyBytes);
  };
  socket.on("data", (chunk: Buffer) => {
    if (bodyLeft >= 0) {
      bodyLeft -= chunk.length;
    } else {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      const end = head.indexOf(headEnd);
      if (end < 0) return;
      const parsed = parseHead(head.toString("latin1", 0, end));
      if (parsed instanceof Error) return void socket.destroy(parsed);
      bodyBytes = parsed;
      bodyLeft = bodyBytes - (head.length - end - headEnd.length);
      head = Buffer.alloc(0);
    }
    if (bodyLeft > 0) return;
    bodyLeft = -1;
    settle();
  });
  socket.on("error", settle);
  socket.on("close", () => settle(new Error("the server closed the connection")));
  socket.setTimeout(responseTimeoutMs, () => socket.destroy(new Error("no answer")));
  await connected(socket);
  return {
    get(request) {
      pending = Promise.withResolvers();
      socket.write(request);
      return pending.promise;
    },
    close: () => socket.destroy(),
  };
}

function parseHead(head: string): number | Error {
  if (!head.startsWith("HTTP/1.1 200"))
    return new Error(`answered with ${head.slice(9, 40).split("\r\n")[0]}`);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  return length === undefined ? new Error("an answer without a content-length") : Number(length);
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
}

export function getRequest(path: string, headers: Record<string, string>): Buffer {
  const lines = Object.entries({ host: "localhost", ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
}
