/** A service on a port of its own, called over a real connection. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import { after, type TestContext, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { type CallOptions, Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { GetChatRequestSchema, MessengerService } from "@parley/api/v2/messenger";
import { actorHeaders, requireActor } from "#platform/actor.ts";
import { invalidInput, toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import type { Service } from "#platform/service.ts";
import { createSharedClock } from "#platform/shared-clock.ts";
import { createSignHeaders } from "#platform/wire/credentials.ts";
import { createEndpoint } from "#platform/wire/endpoint.ts";
import { toGrpcFrame } from "#platform/wire/grpc-frame.ts";
import { startServiceServer } from "#platform/wire/service-server.ts";
import { wireErrorOf } from "#platform/wire/wire-error.ts";
import { until } from "#test/until.ts";
import { freePort } from "../../../../scripts/pods/free-port.ts";

const log = createLog("silent");
const serviceTokens = ["one service token of thirty-two characters or more"];
const actor = { userId: "u1", sessionId: "s1", roles: ["admin", "other"] };
const hourMs = 3_600_000;

const large = "x".repeat(16_000_000);
let aborted: Promise<string> = Promise.resolve("never called");
/** For the calls that are answered when the test says so. */
let held = Promise.withResolvers<void>();
let isHeld = false;

/** What it does is chosen by the chat's id. */
const service: Service = {
  name: "messenger",
  async start() {},
  async stop() {},
  routes(router) {
    router.service(MessengerService, {
      async getChat({ chatId }, context) {
        if (chatId === "bad") throw invalidInput("chatId", "must be good");
        if (chatId === "broken") throw new Error("the secret reason");
        if (chatId === "slow") return untilAborted(context.signal);
        if (chatId === "held") {
          isHeld = true;
          await held.promise;
        }
        if (chatId === "large") return { chat: { id: chatId, title: large } };
        return { chat: { id: chatId, title: JSON.stringify([requireActor(context), context.timeoutMs()]) } };
      },
    });
  },
};

/** Resolves once the server has the slow call that was made just before. */
async function begun(before = aborted): Promise<void> {
  await until("the call has begun", () => aborted !== before);
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    aborted = new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        resolve("aborted");
        reject(signal.reason);
      });
    });
  });
}

const start = (clock = createSharedClock(log), port = 0) =>
  startServiceServer({ services: [service], host: "127.0.0.1", port, serviceTokens, clock, log });

function endpointAt(port: number, tokens = serviceTokens, clock = createSharedClock(log)) {
  const endpoint = createEndpoint({
    url: `http://127.0.0.1:${port}`,
    sign: createSignHeaders("messenger", { serviceTokens: tokens, clock }),
    onTime: (timeMs, roundTripMs) => clock.adopt(timeMs, roundTripMs),
    log,
  });
  after(() => endpoint.close());
  return createClient(MessengerService, endpoint.transport);
}

const server = await start();
after(() => server.stop(1_000));
const messenger = endpointAt(server.port);
const asActor: CallOptions = { headers: actorHeaders(actor), timeoutMs: 5_000 };

test("actor, deadline and answer cross the wire", async () => {
  const { chat } = await messenger.getChat({ chatId: "fine" }, asActor);
  const [seen, timeoutMs] = JSON.parse(chat!.title);
  assert.deepEqual(seen, actor);
  assert.ok(timeoutMs > 0 && timeoutMs <= 5_000, String(timeoutMs));
});

test("an error keeps its code, text and violations, and brings no headers of the service along", async () => {
  await assert.rejects(messenger.getChat({ chatId: "bad" }, asActor), (error) => {
    const { code, detail, violations } = toPublicError(error);
    assert.deepEqual({ code, detail }, { code: "invalid-input", detail: "chatId: must be good" });
    assert.deepEqual(violations, [{ field: "chatId", message: "must be good" }]);
    assert.deepEqual([...(error as { metadata: Headers }).metadata], []);
    return true;
  });
});

test("what went wrong inside is not told", async () => {
  await assert.rejects(messenger.getChat({ chatId: "broken" }, asActor), (error) => {
    assert.equal(toPublicError(error).code, "internal");
    assert.ok(!String((error as Error).message).includes("secret"));
    return true;
  });
});

test("a caller that goes away ends the work", async () => {
  const controller = new AbortController();
  const call = messenger.getChat({ chatId: "slow" }, { ...asActor, signal: controller.signal });
  call.catch(() => {});
  await begun();
  controller.abort();
  await assert.rejects(call, (error) => toPublicError(error).code === "cancelled");
  assert.equal(await aborted, "aborted");
});

test("a deadline ends the call here and the work there", async () => {
  const call = messenger.getChat({ chatId: "slow" }, { ...asActor, timeoutMs: 50 });
  await assert.rejects(call, (error) => toPublicError(error).code === "timeout");
  assert.equal(await aborted, "aborted");
});

test("an answer that is large and not yet read does not keep others from being called", async () => {
  const headers: Record<string, string> = {};
  await createSignHeaders("messenger", { serviceTokens, clock: createSharedClock(log) })(headers);
  const session = connect(`http://127.0.0.1:${server.port}`);
  after(() => session.destroy());
  const statusOf = async (chatId: string) => {
    const stream = session.request({
      ...headers,
      ":method": "POST",
      ":path": `/${MessengerService.typeName}/GetChat`,
      "content-type": "application/grpc+proto",
    });
    stream.end(toGrpcFrame(toBinary(GetChatRequestSchema, create(GetChatRequestSchema, { chatId }))));
    const [answered] = await once(stream, "response");
    return answered["grpc-status"];
  };
  for (const chatId of ["large", "large", "bad"]) {
    assert.equal(await statusOf(chatId), chatId === "bad" ? String(Code.InvalidArgument) : undefined);
  }
});

test("a call without a credential, or with one of another token, is refused", async () => {
  const bare = createClient(
    MessengerService,
    createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` }),
  );
  await assert.rejects(
    bare.getChat({ chatId: "fine" }, asActor),
    (error) => toPublicError(error).code === "service-refused",
  );
  const foreign = endpointAt(server.port, ["a token that nobody here knows, of 32 characters"]);
  await assert.rejects(foreign.getChat({ chatId: "fine" }, asActor), isNotSent);
});

test("a caller whose clock is an hour off is told the time, and served", async () => {
  for (const offsetMs of [-hourMs, hourMs]) {
    const clock = createSharedClock(log, () => Date.now() + offsetMs);
    const askedAtMs = performance.now();
    const { chat } = await endpointAt(server.port, serviceTokens, clock).getChat({ chatId: "fine" }, asActor);
    assert.equal(chat!.id, "fine");
    const tookMs = performance.now() - askedAtMs;
    // It is told in whole seconds.
    assert.ok(Math.abs(clock.now() - Date.now()) < tookMs + 2_000);
  }
});

test("what cannot be reached was not sent; what breaks off may have been carried out", async () => {
  const other = await start();
  const client = endpointAt(other.port);
  await client.getChat({ chatId: "fine" }, asActor);
  const call = client.getChat({ chatId: "slow" }, asActor);
  call.catch(() => {});
  await begun();
  await other.stop(1);
  await assert.rejects(call, isLost);
  await assert.rejects(client.getChat({ chatId: "fine" }, asActor), isNotSent);
});

test("a server that stops finishes the calls under way, and its callers find its successor", async () => {
  const port = await freePort();
  const first = await start(undefined, port);
  const client = endpointAt(port);
  held = Promise.withResolvers();
  isHeld = false;
  const call = client.getChat({ chatId: "held" }, { ...asActor, timeoutMs: 60_000 });
  call.catch(() => {});
  await until("the call has begun", () => isHeld);
  const stopped = first.stop(60_000);
  await assert.rejects(once(connectTcp(port, "127.0.0.1"), "connect"), { code: "ECONNREFUSED" });
  held.resolve();
  assert.equal((await call).chat!.id, "held");
  await stopped;
  const second = await start(undefined, port);
  assert.equal((await client.getChat({ chatId: "again" }, asActor)).chat!.id, "again");
  await second.stop(1_000);
});

test("bytes that are no call do not hurt the server", async () => {
  const session = connect(`http://127.0.0.1:${server.port}`);
  const status = await new Promise((resolve) => {
    const stream = session.request({ ":method": "POST", ":path": "/nothing" });
    stream.on("response", (headers) => resolve(headers[":status"]));
    stream.end("x".repeat(1_000));
  });
  assert.equal(status, 415);
  session.destroy();
  assert.equal((await messenger.getChat({ chatId: "fine" }, asActor)).chat!.id, "fine");
});

/** Accepts connections and never says a word, as a process that was frozen does. */
async function startMute(t: TestContext) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

test("a server that accepts but never answers costs a call no more than its deadline", async (t) => {
  const client = endpointAt(await startMute(t));
  const calls = Array.from({ length: 20 }, () =>
    client.getChat({ chatId: "fine" }, { ...asActor, timeoutMs: 100 }),
  );
  for (const { status, reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[]) {
    assert.deepEqual([status, toPublicError(reason).code], ["rejected", "timeout"]);
  }
});

test("calls that fail leave nothing behind", async () => {
  const port = await freePort();
  const endpoint = endpointAt(port);
  const before = process.getActiveResourcesInfo().length;
  for (let round = 0; round < 100; round++) {
    const calls = Array.from({ length: 100 }, () => endpoint.getChat({ chatId: "fine" }, asActor));
    for (const { status } of await Promise.allSettled(calls)) assert.equal(status, "rejected");
  }
  await until("timers and sockets are let go", () => process.getActiveResourcesInfo().length <= before + 2);
});

const isLost = (error: unknown) => wireErrorOf(error)?.mayBeCarriedOut === true;
const isNotSent = (error: unknown) => wireErrorOf(error)?.mayBeCarriedOut === false;
