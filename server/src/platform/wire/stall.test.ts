/** Streams on which nothing moves any more although it is the other side's turn. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import {
  BlobInternalService,
  PutBlobRequestSchema,
  ReadObjectRequestSchema,
} from "@parley/api/internal/blobs";
import { toPublicError } from "#platform/errors.ts";
import { createGrpcClient } from "#platform/wire/grpc-client.ts";
import { toGrpcFrame } from "#platform/wire/grpc-frame.ts";
import { createGrpcServer } from "#platform/wire/grpc-server.ts";
import { until } from "#test/until.ts";

const stallMs = 50;
const maxMessageBytes = 1_000_000;
const failures: string[] = [];
const headers = { ":method": "POST", "content-type": "application/grpc" };
const pathOf = (name: string) => `/${BlobInternalService.typeName}/${name}`;
const timeout = (error: unknown) => toPublicError(error).code === "timeout";

async function listening(server: Http2Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function ourServer(): Promise<string> {
  const server = createServer();
  const onStream = createGrpcServer({
    routes: (router) =>
      void router.service(BlobInternalService, {
        async putBlob(requests) {
          for await (const _ of requests);
          return {};
        },
        async *readObject() {
          for (;;) yield { data: new Uint8Array(65_536) };
        },
      }),
    maxMessageBytes,
    maxDeadlineMs: 60_000,
    stallMs,
    answerHeaders: () => ({}),
    admit: async () => {},
    onFailure: (_, error) => void failures.push(toPublicError(error).code),
  });
  server.on("stream", onStream);
  return listening(server);
}

function clientOf(url: string) {
  const sessions = new Http2SessionManager(url);
  after(() => sessions.abort());
  const options = { sessions, maxMessageBytes, stallMs, sign: async () => {}, onAnswer() {} };
  return createClient(BlobInternalService, createGrpcClient(options));
}

test("a server gives up a caller that sends no more", async () => {
  const session = connect(await ourServer());
  after(() => session.destroy());
  const stream = session.request({ ...headers, ":path": pathOf("PutBlob") });
  const head = create(PutBlobRequestSchema, { part: { case: "head", value: { key: "k" } } });
  stream.write(toGrpcFrame(toBinary(PutBlobRequestSchema, head)));
  stream.resume();
  const [trailers] = await once(stream, "trailers");
  assert.equal(trailers["grpc-status"], String(Code.DeadlineExceeded));
});

test("a server gives up a caller that reads no more", async () => {
  failures.length = 0;
  const session = connect(await ourServer());
  after(() => session.destroy());
  const stream = session.request({ ...headers, ":path": pathOf("ReadObject") });
  stream.on("error", () => {});
  stream.end(toGrpcFrame(toBinary(ReadObjectRequestSchema, create(ReadObjectRequestSchema, {}))));
  await until("it is given up", () => failures.length > 0);
  assert.deepEqual(failures, ["timeout"]);
});

test("a client gives up a server that says nothing, or reads no more", async () => {
  const silent = createServer();
  silent.on("stream", (stream) => stream.on("error", () => {}));
  const mute = clientOf(await listening(silent));
  async function* endless() {
    for (;;) yield { part: { case: "data" as const, value: new Uint8Array(65_536) } };
  }
  await assert.rejects(mute.putBlob(endless()), timeout);
  await assert.rejects(async () => {
    for await (const _ of mute.readObject({}));
  }, timeout);

  const deaf = createServer();
  deaf.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.pause();
  });
  await assert.rejects(clientOf(await listening(deaf)).putBlob(endless()), timeout);
});
