/** Our gRPC client and server against each other, and each against connect-es's. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect, createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { type ConnectRouter, createClient, type Transport } from "@connectrpc/connect";
import { connectNodeAdapter, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { MessengerService } from "@parley/api/v2/messenger";
import { fault, invalidInput, toPublicError } from "#platform/errors.ts";
import { createGrpcClient } from "#platform/wire/grpc-client.ts";
import { createGrpcServer } from "#platform/wire/grpc-server.ts";

const maxMessageBytes = 8_000_000;

function routes(router: ConnectRouter) {
  router.service(MessengerService, {
    async getChat({ chatId }, context) {
      if (chatId === "violation") throw invalidInput("chatId", "muß gut sein – 例 %41");
      if (chatId === "wait") throw fault("too-many-requests", { retryAfterMs: 1_234 });
      if (chatId === "broken") throw new Error("not for others");
      if (chatId === "slow") await once(context.signal, "abort");
      return { chat: { id: chatId, title: context.requestHeader.get("parley-actor") ?? "nobody" } };
    },
    updateChat: async ({ title = "" }) => ({ chat: { title } }),
  });
}

async function listening(server: Http2Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function ourServer(): Promise<string> {
  const server = createServer();
  const options = {
    routes,
    maxMessageBytes,
    maxDeadlineMs: 60_000,
    stallMs: 60_000,
    answerHeaders: () => ({}),
  };
  server.on("stream", createGrpcServer({ ...options, admit: async () => {}, onFailure() {} }));
  after(() => server.close());
  return listening(server);
}

function theirServer(): Promise<string> {
  const server = createServer(connectNodeAdapter({ routes, readMaxBytes: maxMessageBytes }));
  after(() => server.close());
  return listening(server);
}

function ourClient(url: string): Transport {
  const sessions = new Http2SessionManager(url);
  after(() => sessions.abort());
  return createGrpcClient({
    sessions,
    maxMessageBytes,
    stallMs: 60_000,
    sign: async () => {},
    onAnswer() {},
  });
}

const theirClient = (baseUrl: string) =>
  createGrpcTransport({ baseUrl, readMaxBytes: maxMessageBytes, writeMaxBytes: 2 * maxMessageBytes });

const [ours, theirs] = [await ourServer(), await theirServer()];
const pairs: [string, Transport, boolean][] = [
  ["our client, our server", ourClient(ours), true],
  ["our client, their server", ourClient(theirs), false],
  ["their client, our server", theirClient(ours), true],
];

for (const [name, transport, isOurServer] of pairs) {
  describe(name, () => {
    const messenger = createClient(MessengerService, transport);
    const code = (expected: string) => (error: unknown) => toPublicError(error).code === expected;

    it("calls and answers, many at a time", async () => {
      const ids = Array.from({ length: 300 }, (_, i) => String(i));
      const headers = { "parley-actor": "alice" };
      const answers = await Promise.all(ids.map((chatId) => messenger.getChat({ chatId }, { headers })));
      assert.deepEqual(
        answers.map(({ chat }) => [chat!.id, chat!.title]),
        ids.map((id) => [id, "alice"]),
      );
    });

    it("messages of megabytes and of nothing", async () => {
      for (const title of ["", "ä".repeat(2_000_000)]) {
        const { chat } = await messenger.updateChat({ chatId: "1", title });
        assert.equal(chat!.title, title);
      }
    });

    it("errors keep code, text, violations and how long to wait", async () => {
      await assert.rejects(messenger.getChat({ chatId: "violation" }), (error) => {
        const { detail, violations } = toPublicError(error);
        assert.equal(detail, "chatId: muß gut sein – 例 %41");
        return violations[0]?.message === "muß gut sein – 例 %41";
      });
      await assert.rejects(
        messenger.getChat({ chatId: "wait" }),
        (error) => toPublicError(error).retryAfterMs === 1_234,
      );
    });

    it("what is not implemented, and what breaks inside", async () => {
      await assert.rejects(messenger.listChats({}), code("route-not-found"));
      await assert.rejects(messenger.getChat({ chatId: "broken" }), (error) => {
        assert.ok(!String(error).includes("not for others"));
        return toPublicError(error).code === "internal";
      });
    });

    it("a deadline, and a caller that goes away", async () => {
      await assert.rejects(messenger.getChat({ chatId: "slow" }, { timeoutMs: 30 }), code("timeout"));
      const signal = AbortSignal.timeout(30);
      await assert.rejects(messenger.getChat({ chatId: "slow" }, { signal }));
      assert.ok(await messenger.getChat({ chatId: "1" }), "the connection is still good");
    });

    if (!isOurServer) return;
    it("a message above the limit is refused", async () => {
      const title = "x".repeat(maxMessageBytes + 1);
      await assert.rejects(messenger.updateChat({ chatId: "1", title }), code("too-large"));
      assert.ok(await messenger.getChat({ chatId: "1" }));
    });
  });
}

describe("bytes that are no gRPC", () => {
  const path = "/parley.v2.MessengerService/GetChat";
  const proto = { ":method": "POST", ":path": path, "content-type": "application/grpc" };
  let session: ClientHttp2Session;

  async function send(headers: Record<string, string>, body: Buffer): Promise<string> {
    session ??= connect(ours);
    const stream = session.request(headers);
    stream.on("error", () => {});
    stream.end(body);
    const [answer] = (await once(stream, "response")) as [Record<string, string>];
    stream.resume();
    return `${answer[":status"]} ${answer["grpc-status"] ?? ""}`.trim();
  }
  after(() => session?.destroy());

  it("are refused, each in its way", async () => {
    assert.equal(await send({ ":method": "POST", ":path": path }, Buffer.from("{}")), "415");
    assert.equal(await send({ ...proto, ":method": "PUT" }, Buffer.alloc(5)), "405");
    assert.equal(await send({ ...proto, ":path": "/nothing" }, Buffer.alloc(5)), "200 12");
    assert.equal(await send(proto, Buffer.alloc(0)), "200 3");
    assert.equal(await send(proto, Buffer.from([0, 0, 0, 0, 9, 1])), "200 3");
    assert.equal(await send(proto, Buffer.from([1, 0, 0, 0, 1, 1])), "200 12");
    assert.equal(await send(proto, Buffer.from([0, 0, 0, 0, 2, 0xff, 0xff])), "200 3");
    assert.equal(await send({ ...proto, "grpc-timeout": "soon" }, Buffer.alloc(5)), "200 3");
    assert.equal(await send({ ...proto, "grpc-timeout": "99999999H" }, Buffer.alloc(5)), "200 3");
    assert.equal(await send(proto, Buffer.alloc(5)), "200", "and the connection is still good");
  });
});
