import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { runHttpLoad } from "./http-load.ts";

type Answer = (stream: ServerHttp2Stream, message: Buffer) => void;

/** Node's own HTTP/2, which checks what it gets. */
async function startServer(answer: Answer, headersSeen: object[] = []) {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on("session", (session) => void sessions.add(session));
  server.on("stream", (stream: ServerHttp2Stream, headers: object) => {
    headersSeen.push(headers);
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => void parts.push(part));
    stream.on("error", () => {});
    stream.on("end", () => answer(stream, Buffer.concat(parts)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.dispose]: () => {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

function respond(stream: ServerHttp2Stream, message: Buffer) {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  // In pieces, one of them within the prefix.
  stream.write(prefix.subarray(0, 2));
  setImmediate(() => stream.end(Buffer.concat([prefix.subarray(2), message])));
}

const options = {
  host: "127.0.0.1",
  protocol: "grpc" as const,
  requests: [
    {
      path: "/parley.v2.MessengerService/GetChat",
      headers: { authorization: `Bearer ${"x".repeat(500)}` },
      message: Buffer.from("question").toString("base64"),
    },
  ],
  connections: 8,
  warmupMs: 50,
  windowMs: 2_000,
  seed: 1,
};

test("calls reach a server as gRPC says, and whole messages count", async () => {
  const headers: Record<string, string>[] = [];
  const messages: string[] = [];
  using server = await startServer((stream, message) => {
    messages.push(message.toString());
    respond(stream, Buffer.alloc(40_000, "a"));
  }, headers);
  const result = await runHttpLoad({ ...options, port: server.port });
  assert.ok(result.responses > 0 && result.responses <= messages.length);
  assert.equal(result.meanBodyBytes, 40_000);
  assert.equal(messages[0], "\0\0\0\0\x08question");
  assert.deepEqual(Object.fromEntries(Object.entries(headers[0]!)), {
    ":method": "POST",
    ":scheme": "http",
    ":path": "/parley.v2.MessengerService/GetChat",
    ":authority": "localhost",
    te: "trailers",
    "content-type": "application/grpc+proto",
    authorization: `Bearer ${"x".repeat(500)}`,
  });
});

test("an error, a reset and a lost connection each end the run", async () => {
  const answers: Answer[] = [
    (stream) => stream.respond({ ":status": 200, "grpc-status": "16" }, { endStream: true }),
    (stream) => stream.close(2),
    (stream) => stream.session?.destroy(),
  ];
  for (const answer of answers) {
    using server = await startServer(answer);
    const run = { ...options, windowMs: 60_000, port: server.port };
    await assert.rejects(runHttpLoad(run), /error|reset|closed|away/);
  }
});
