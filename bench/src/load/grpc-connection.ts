/**
 * gRPC over HTTP/2 without TLS that does no more than the load needs: requests are framed before the run, headers of
 * answers are not read, messages are counted and dropped. Node's own HTTP/2 would take more of the processor than some of
 * the servers that are measured.
 */
import { connect, type Socket } from "node:net";
import {
  connectionPreface,
  flag,
  frame,
  frameHeadBytes,
  frameType,
  grpcCall,
  initialWindow,
  maxWindow,
  windowUpdate,
} from "./grpc-frames.ts";
import type { HttpConnection, HttpTarget } from "./http-connection.ts";

const streamsPerConnection = 4;
const responseTimeoutMs = 15_000;
const prefixBytes = 5;
/** The last id that a client may use. */
const maxStreamId = 2 ** 31 - 1;

export const grpcRequest = (path: string, headers: Record<string, string>, message: string): Buffer =>
  grpcCall(path, headers, Buffer.from(message, "base64"));

/** So many calls can be under way at once, one on each; several share a connection. */
export async function openGrpcConnections(target: HttpTarget, count: number): Promise<HttpConnection[]> {
  const connections = await Promise.all(
    Array.from({ length: Math.ceil(count / streamsPerConnection) }, () => openGrpcConnection(target)),
  );
  return Array.from({ length: count }, (_, index) => connections[index % connections.length]!);
}

interface Stream {
  settled: PromiseWithResolvers<number>;
  receivedBytes: number;
  /** As the message's prefix says, once all of it has come. */
  messageBytes: number;
}

/** Any number of calls may be under way. */
async function openGrpcConnection(target: HttpTarget): Promise<HttpConnection> {
  const socket = connect({ ...target, noDelay: true });
  const streams = new Map<number, Stream>();
  let nextStreamId = 1;
  let sendWindow = initialWindow;
  let receivedBytes = 0;
  const end = (stream: Stream, id: number) => {
    streams.delete(id);
    const { receivedBytes, messageBytes, settled } = stream;
    if (receivedBytes > prefixBytes && receivedBytes === prefixBytes + messageBytes)
      settled.resolve(messageBytes);
    else settled.reject(new Error("the call was answered with an error, not with a message"));
  };
  const onData = (buffer: Buffer, from: number, to: number, stream: Stream | undefined) => {
    receivedBytes += to - from;
    if (receivedBytes > maxWindow / 2) {
      socket.write(windowUpdate(receivedBytes));
      receivedBytes = 0;
    }
    if (!stream) return;
    // The first byte of the prefix is 0: nothing is compressed.
    for (let at = from; at < to && stream.receivedBytes + at - from < prefixBytes; at++)
      stream.messageBytes = stream.messageBytes * 256 + buffer[at]!;
    stream.receivedBytes += to - from;
  };
  const onFrame = (buffer: Buffer, head: number, length: number) => {
    const [type, flags, id] = [buffer[head + 3]!, buffer[head + 4]!, buffer.readUInt32BE(head + 5)];
    const from = head + frameHeadBytes;
    const stream = streams.get(id);
    if (type === frameType.data) {
      if (flags & flag.padded) return void socket.destroy(new Error("padding is not expected"));
      onData(buffer, from, from + length, stream);
    } else if (type === frameType.reset) {
      streams.delete(id);
      stream?.settled.reject(new Error(`the call was reset (${buffer.readUInt32BE(from)})`));
    } else if (type === frameType.goAway) socket.destroy(new Error("the server sends its callers away"));
    else if (type === frameType.settings && !(flags & flag.ack))
      socket.write(frame(frameType.settings, flag.ack, 0, Buffer.alloc(0)));
    else if (type === frameType.ping && !(flags & flag.ack))
      socket.write(frame(frameType.ping, flag.ack, 0, buffer.subarray(from, from + length)));
    else if (type === frameType.windowUpdate && id === 0) sendWindow += buffer.readUInt32BE(from);
    const endsStream = type === frameType.data || type === frameType.headers;
    if (endsStream && flags & flag.endStream && stream) end(stream, id);
  };
  forEachFrame(socket, onFrame);
  failWith(socket, streams);
  await connected(socket);
  socket.write(connectionPreface());
  return {
    get(request) {
      const dataAt = frameHeadBytes + request.readUIntBE(0, 3);
      sendWindow -= request.length - dataAt - frameHeadBytes;
      if (sendWindow < 0 || nextStreamId > maxStreamId) socket.destroy();
      if (socket.destroyed) return Promise.reject(new Error("the connection is closed"));
      const id = nextStreamId;
      nextStreamId += 2;
      // A copy: the one before may not have left yet.
      const framed = Buffer.from(request);
      framed.writeUInt32BE(id, 5);
      framed.writeUInt32BE(id, dataAt + 5);
      const stream = { settled: Promise.withResolvers<number>(), receivedBytes: 0, messageBytes: 0 };
      streams.set(id, stream);
      socket.write(framed);
      return stream.settled.promise;
    },
    close: () => socket.destroy(),
  };
}

function forEachFrame(socket: Socket, onFrame: (buffer: Buffer, head: number, length: number) => void) {
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    const buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let head = 0;
    while (buffer.length - head >= frameHeadBytes) {
      const length = buffer.readUIntBE(head, 3);
      if (buffer.length - head < frameHeadBytes + length) break;
      onFrame(buffer, head, length);
      head += frameHeadBytes + length;
    }
    rest = head === buffer.length ? Buffer.alloc(0) : buffer.subarray(head);
  });
}

/** Whatever ends the connection, every call under way is told. */
function failWith(socket: Socket, streams: Map<number, Stream>) {
  const fail = (error: Error) => {
    for (const { settled } of streams.values()) settled.reject(error);
    streams.clear();
  };
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the server closed the connection")));
  socket.setTimeout(responseTimeoutMs, () => streams.size > 0 && socket.destroy(new Error("no answer")));
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
}
