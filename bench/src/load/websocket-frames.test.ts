import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocketServer } from "ws";
import { openRawWebSocket } from "./raw-websocket.ts";
import { clientFrame, createFrameCutter, opcodes } from "./websocket-frames.ts";

function serverFrame(text: string): Buffer {
  const bytes = Buffer.byteLength(text);
  const head =
    bytes < 126
      ? [0x81, bytes]
      : bytes < 65_536
        ? [0x81, 126, bytes >> 8, bytes & 0xff]
        : [0x81, 127, 0, 0, 0, 0, bytes >>> 24, (bytes >> 16) & 0xff, (bytes >> 8) & 0xff, bytes & 0xff];
  return Buffer.concat([Buffer.from(head), Buffer.from(text)]);
}

for (const chunkBytes of [1, 2, 7, 1_000, 1_000_000]) {
  test(`frames of every length are cut out of chunks of ${chunkBytes} bytes`, () => {
    const texts = ["", "a", "ü".repeat(62), "b".repeat(126), "c".repeat(1_000), "d".repeat(70_000)];
    const stream = Buffer.concat(texts.map(serverFrame));
    const received: string[] = [];
    const cut = createFrameCutter((opcode, buffer, start, end) => {
      assert.equal(opcode, opcodes.text);
      received.push(buffer.toString("utf8", start, end));
    });
    for (let at = 0; at < stream.length; at += chunkBytes) cut(stream.subarray(at, at + chunkBytes));
    assert.deepEqual(received, texts);
  });
}

test("a fragmented frame is an error", () => {
  const cut = createFrameCutter(() => {});
  assert.throws(() => cut(Buffer.from([0x01, 1, 0x61])), /fragmented/);
});

test("a ws server understands the frames, and its answers, pings and close are understood", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  await once(server, "listening");
  const accepted = once(server, "connection");
  const { port } = server.address() as { port: number };
  const received = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<number>();
  const client = await openRawWebSocket({
    url: `ws://127.0.0.1:${port}/`,
    headers: {},
    onText: (buffer, start, end) => received.resolve(buffer.toString("utf8", start, end)),
    onClose: closed.resolve,
  });
  const [socket, request] = (await accepted) as [import("ws").WebSocket, import("node:http").IncomingMessage];
  assert.equal(request.headers["sec-websocket-protocol"], "parley.v2.json");
  socket.on("message", (data) => socket.send(`${data}!`));
  client.send("grüße".repeat(50));
  assert.equal(await received.promise, `${"grüße".repeat(50)}!`);
  const pong = once(socket, "pong");
  socket.ping("x");
  assert.equal(String((await pong)[0]), "x");
  socket.close(4_001);
  assert.equal(await closed.promise, 4_001);
  server.close();
});

test("the payload survives the mask, empty and long", () => {
  for (const text of ["", "a".repeat(125), "a".repeat(126), "a".repeat(65_535)]) {
    assert.ok(clientFrame(opcodes.text, text).toString().endsWith(text));
  }
  assert.throws(() => clientFrame(opcodes.text, "a".repeat(65_536)), RangeError);
});
