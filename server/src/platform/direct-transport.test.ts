/** What a caller can observe must not depend on whether the service is in this process or behind gRPC. */
import assert from "node:assert/strict";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { Code, ConnectError, type ConnectRouter, createClient, type Transport } from "@connectrpc/connect";
import { connectNodeAdapter, createGrpcTransport } from "@connectrpc/connect-node";
import { MessengerInternalService } from "@parley/api/internal/messenger";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { fault, toFault, toPublicError } from "#platform/errors.ts";

let begun = Promise.withResolvers<void>();
let aborted = Promise.withResolvers<void>();
function awaitCall() {
  begun = Promise.withResolvers();
  aborted = Promise.withResolvers();
}

const routes = (router: ConnectRouter) => {
  router.service(MessengerInternalService, {
    async listPositions({ userId }, context) {
      if (userId === "fault") throw fault("chat-not-found", { detail: "not yours" });
      if (userId === "bug") throw toFault(new Error("secret internals"));
      if (userId === "hang") {
        begun.resolve();
        if (context.signal.aborted) aborted.resolve();
        context.signal.addEventListener("abort", () => aborted.resolve());
        await new Promise(() => {});
      }
      context.responseHeader.set("seen-actor", context.requestHeader.get("parley-actor") ?? "");
      return { positions: [{ chatId: userId, lastSeq: 7 }] };
    },
  });
};

let server: Http2Server;
const transports: Record<string, () => Transport> = {
  direct: () => createDirectTransport(routes),
  grpc: () => createGrpcTransport({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
};

before(async () => {
  server = createServer(connectNodeAdapter({ routes }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
after(() => server.close());

for (const [name, transport] of Object.entries(transports)) {
  describe(`a service called over the ${name} transport`, () => {
    const client = () => createClient(MessengerInternalService, transport());

    test("answers, and passes headers both ways", async () => {
      let header: Headers | undefined;
      const answer = await client().listPositions(
        { userId: "u1" },
        { headers: { "parley-actor": "me" }, onHeader: (headers) => (header = headers) },
      );
      assert.deepEqual(
        answer.positions.map(({ chatId, lastSeq }) => ({ chatId, lastSeq })),
        [{ chatId: "u1", lastSeq: 7 }],
      );
      assert.equal(header?.get("seen-actor"), "me");
    });

    test("tells a coded error with its detail", async () => {
      const error = await client()
        .listPositions({ userId: "fault" })
        .catch((e) => e);
      assert.equal(ConnectError.from(error).code, Code.NotFound);
      assert.deepEqual(pick(error), { code: "chat-not-found", detail: "not yours" });
    });

    test("hides what an unexpected error says", async () => {
      const error = await client()
        .listPositions({ userId: "bug" })
        .catch((e) => e);
      assert.equal(pick(error).code, "internal");
      assert.doesNotMatch(String(error.message), /secret/);
    });

    test("refuses a method that is not served", async () => {
      const error = await client()
        .sendMessages({ sends: [] })
        .catch((e) => e);
      assert.equal(ConnectError.from(error).code, Code.Unimplemented);
    });

    test("ends a call at its deadline, and tells the service", async () => {
      awaitCall();
      let hasBegun = false;
      void begun.promise.then(() => (hasBegun = true));
      // A deadline can pass before the call is even sent; then the service has nothing to be told.
      for (let timeoutMs = 50; !hasBegun; timeoutMs *= 2) {
        const error = await client()
          .listPositions({ userId: "hang" }, { timeoutMs })
          .catch((e) => e);
        assert.equal(pick(error).code, "timeout");
      }
      await aborted.promise;
    });

    test("ends a call that the caller aborts, and tells the service", async () => {
      awaitCall();
      const controller = new AbortController();
      const call = client().listPositions({ userId: "hang" }, { signal: controller.signal });
      await Promise.race([begun.promise, call]);
      controller.abort();
      assert.equal(pick(await call.catch((e) => e)).code, "cancelled");
      await aborted.promise;
    });

    test("does not start a call that was aborted before", async () => {
      const error = await client()
        .listPositions({ userId: "hang" }, { signal: AbortSignal.abort() })
        .catch((e) => e);
      assert.equal(pick(error).code, "cancelled");
    });
  });
}

function pick(error: unknown) {
  const { code, detail } = toPublicError(error);
  return { code, detail };
}
