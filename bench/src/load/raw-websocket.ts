/**
 * A WebSocket client without comforts. The generator shares two cores with the server and holds thousands of sockets:
 * all of them read into one buffer, and a frame is looked at where it lies.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { clientFrame, createFrameCutter, opcodes } from "./websocket-frames.ts";

export interface RawWebSocketOptions {
  /** ws://host:port/path */
  url: string;
  headers: Record<string, string>;
  localAddress?: string | undefined;
  /** A text frame, as a range of a buffer that is only valid during the call. */
  onText(buffer: Buffer, start: number, end: number): void;
  /** With the code of the server's close frame, or 1006. */
  onClose(code: number): void;
}

export interface RawWebSocket {
  readonly isOpen: boolean;
  send(text: string): void;
  /** At once, without a closing handshake. */
  destroy(): void;
}

const subprotocol = "parley.v2.json";
const handshakeTimeoutMs = 20_000;
const abnormalClosure = 1_006;
const noStatusReceived = 1_005;
const headEnd = "\r\n\r\n";
/** Reads are synchronous and finished before the next one starts, so that one buffer serves all sockets. */
const readBuffer = Buffer.allocUnsafeSlow(65_536);

export function openRawWebSocket(options: RawWebSocketOptions): Promise<RawWebSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<RawWebSocket>();
  let closeCode = abnormalClosure;
  let isOpen = false;
  let handshake: string | undefined = "";
  const cut = createFrameCutter((opcode, buffer, start, end) => {
    if (opcode === opcodes.text) return options.onText(buffer, start, end);
    if (opcode === opcodes.ping)
      return void socket.write(clientFrame(opcodes.pong, buffer.subarray(start, end)));
    if (opcode !== opcodes.close) return;
    closeCode = end - start >= 2 ? buffer.readUInt16BE(start) : noStatusReceived;
    socket.end(clientFrame(opcodes.close, buffer.subarray(start, Math.min(end, start + 2))));
  });
  const onRead = (chunk: Buffer) => {
    if (handshake === undefined) return cut(chunk);
    handshake += chunk.toString("latin1");
    const end = handshake.indexOf(headEnd);
    if (end < 0) return;
    const status = handshake.slice("HTTP/1.1 ".length, handshake.indexOf("\r\n"));
    if (!status.startsWith("101 "))
      return void socket.destroy(new Error(`the upgrade was answered with ${status}`));
    const rest = Buffer.from(handshake.slice(end + headEnd.length), "latin1");
    handshake = undefined;
    isOpen = true;
    socket.setTimeout(0);
    resolve(client);
    if (rest.length > 0) cut(rest);
  };
  const socket = openSocket(options, onRead);
  socket.on("close", () => {
    reject(new Error(`closed before it was open`));
    if (isOpen) options.onClose(closeCode);
    isOpen = false;
  });
  // A close always follows; it is what counts once the socket was open.
  socket.on("error", reject);
  const client: RawWebSocket = {
    get isOpen() {
      return isOpen;
    },
    send: (text) => void socket.write(clientFrame(opcodes.text, text)),
    destroy: () => void socket.destroy(),
  };
  return promise;
}

function openSocket(options: RawWebSocketOptions, onRead: (chunk: Buffer) => void): Socket {
  const { hostname, port, pathname } = new URL(options.url);
  const socket = connect({
    host: hostname,
    port: Number(port),
    noDelay: true,
    ...(options.localAddress ? { localAddress: options.localAddress } : {}),
    onread: {
      buffer: readBuffer,
      callback(bytes: number) {
        try {
          onRead(readBuffer.subarray(0, bytes));
        } catch (error) {
          socket.destroy(error as Error);
        }
        return true;
      },
    },
  });
  const headers = {
    host: `${hostname}:${port}`,
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
    "sec-websocket-protocol": subprotocol,
    ...options.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.setTimeout(handshakeTimeoutMs, () => socket.destroy(new Error("no answer to the upgrade")));
  socket.write(`GET ${pathname} HTTP/1.1\r\n${lines.join("")}\r\n`);
  return socket;
}
