/** The few HTTP/2 frames (RFC 9113) that a gRPC client of a load needs, with headers that no table has to remember. */

export const frameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;

export const flag = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8 } as const;

export const frameHeadBytes = 9;
export const maxWindow = 2 ** 31 - 1;
/** Of a connection and of each stream, until it is changed. */
export const initialWindow = 65_535;

const setting = { headerTableSize: 1, enablePush: 2, initialWindowSize: 4 } as const;

export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(frameHeadBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(frameType.windowUpdate, 0, 0, payload);
}

/** What a client sends first: it remembers no headers, and takes as much as comes. */
export function connectionPreface(): Buffer {
  const values: [number, number][] = [
    [setting.headerTableSize, 0],
    [setting.enablePush, 0],
    [setting.initialWindowSize, maxWindow],
  ];
  const payload = Buffer.alloc(values.length * 6);
  for (const [index, [id, value]] of values.entries()) {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  }
  return Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(frameType.settings, 0, 0, payload),
    windowUpdate(maxWindow - initialWindow),
  ]);
}

/** A unary call: its headers and its message, for a stream that is filled in when it is sent. */
export function grpcCall(path: string, headers: Record<string, string>, message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  const block = Buffer.concat([
    // Of the static table: ":method: POST" and ":scheme: http".
    Buffer.from([0x83, 0x86]),
    ...Object.entries({
      ":path": path,
      ":authority": "localhost",
      te: "trailers",
      "content-type": "application/grpc+proto",
      ...headers,
    }).map(([name, value]) => Buffer.concat([Buffer.from([0]), literal(name), literal(value)])),
  ]);
  return Buffer.concat([
    frame(frameType.headers, flag.endHeaders, 0, block),
    frame(frameType.data, flag.endStream, 0, Buffer.concat([prefix, message])),
  ]);
}

/** A string of HPACK (RFC 7541, 5.2), not compressed. */
function literal(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length: number[] = [];
  const most = 0x7f;
  if (bytes.length < most) length.push(bytes.length);
  else {
    length.push(most);
    let rest = bytes.length - most;
    for (; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}
