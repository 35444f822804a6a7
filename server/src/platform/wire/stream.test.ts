/** Streaming calls: alike within a process and between two, and whatever is done to the connection between those. */
import assert from "node:assert/strict";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { after, describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type ConnectRouter, createClient, type Transport } from "@connectrpc/connect";
import { BlobInternalService } from "@parley/api/internal/blobs";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { type ErrorCode, fault, toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import type { Service } from "#platform/service.ts";
import { createSharedClock } from "#platform/shared-clock.ts";
import { createSignHeaders } from "#platform/wire/credentials.ts";
import { createEndpoint } from "#platform/wire/endpoint.ts";
import { startServiceServer } from "#platform/wire/service-server.ts";
import { wireErrorOf } from "#platform/wire/wire-error.ts";
import { until } from "#test/until.ts";

const log = createLog("silent");
const serviceTokens = ["one service token of thirty-two characters or more"];
const chunk = new Uint8Array(65_536).fill(7);

/** What the service has seen of the last call. */
const nothing = {
  bytes: 0,
  sent: 0,
  isCalled: false,
  isAborted: false,
  isReturned: false,
  isComplete: false,
  failure: "",
};
let seen = { ...nothing };
const reset = () => {
  seen = { ...nothing };
};
let mayRead = true;

/** What it does is chosen by the key, or by the object's id. */
function routes(router: ConnectRouter) {
  router.service(BlobInternalService, {
    async putBlob(requests, context) {
      seen.isCalled = true;
      context.signal.addEventListener("abort", () => (seen.isAborted = true));
      try {
        for await (const { part } of requests) {
          if (part.case === "head" && part.value.key === "large") throw fault("too-large");
          if (part.case === "head" && part.value.key === "enough") break;
          if (part.case === "head" && part.value.key === "bug") throw new Error("the secret reason");
          if (part.case === "head" && part.value.key === "deaf") await new Promise(() => {});
          if (part.case === "data") seen.bytes += part.value.length;
          while (!mayRead && !context.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 1));
        }
      } catch (error) {
        seen.failure = toPublicError(error).code;
        throw error;
      }
      seen.isComplete = true;
      return { created: true, blob: { objectId: String(seen.bytes) } };
    },
    async *readObject({ objectId, length = 0 }, context) {
      context.signal.addEventListener("abort", () => (seen.isAborted = true));
      try {
        for (let left = length; left > 0; left -= chunk.length) {
          if (objectId === "breaks" && left < length / 2)
            throw fault("blob-store-unavailable", { retryAfterMs: 1_500 });
          seen.sent += chunk.length;
          yield { data: left < chunk.length ? chunk.subarray(0, left) : chunk };
        }
        if (objectId === "deaf") await new Promise(() => {});
      } finally {
        seen.isReturned = true;
      }
    },
  });
}

const service: Service = { name: "blobs", routes, start: async () => {}, stop: async () => {} };
const start = () => {
  const clock = createSharedClock(log);
  return startServiceServer({ services: [service], host: "127.0.0.1", port: 0, serviceTokens, clock, log });
};
const server = await start();
after(() => server.stop(1_000));

function endpointAt(port: number, tokens = serviceTokens, clock = createSharedClock(log)) {
  const endpoint = createEndpoint({
    url: `http://127.0.0.1:${port}`,
    sign: createSignHeaders("blobs", { serviceTokens: tokens, clock }),
    onTime: (timeMs, roundTripMs) => clock.adopt(timeMs, roundTripMs),
    log,
  });
  after(() => endpoint.close());
  return endpoint.transport;
}

interface Input {
  given: number;
  isReturned: boolean;
  blob(
    key: string,
    chunks: number,
  ): AsyncGenerator<
    { part: { case: "data"; value: Uint8Array } } | { part: { case: "head"; value: { key: string } } }
  >;
}

function newInput(): Input {
  return {
    given: 0,
    isReturned: false,
    async *blob(key, chunks) {
      try {
        yield { part: { case: "head", value: { key } } };
        for (; this.given < chunks; this.given++) {
          // Bytes come from somewhere, so others get their turn.
          await new Promise((resolve) => setImmediate(resolve));
          yield { part: { case: "data", value: chunk } };
        }
      } finally {
        this.isReturned = true;
      }
    },
  };
}

async function codeOf(call: Promise<unknown>): Promise<ErrorCode | "ok"> {
  return call.then(
    () => "ok",
    (error) => toPublicError(error).code,
  );
}

async function read(bytes: AsyncIterable<{ data: Uint8Array }>): Promise<number> {
  let length = 0;
  for await (const { data } of bytes) length += data.length;
  return length;
}

const endless = Number.MAX_SAFE_INTEGER;
const ways: [string, Transport][] = [
  ["within a process", createDirectTransport(routes)],
  ["between processes", endpointAt(server.port)],
];

for (const [name, transport] of ways) {
  describe(name, () => {
    const blobs = createClient(BlobInternalService, transport);

    test("bytes come through whole, up and down", async () => {
      reset();
      const { blob } = await blobs.putBlob(newInput().blob("fine", 50));
      assert.equal(blob?.objectId, String(50 * chunk.length));
      assert.equal(await read(blobs.readObject({ objectId: "x", length: 3_000_001 })), 3_000_001);
      assert.equal(await read(blobs.readObject({ objectId: "x", length: 0 })), 0);
      await until("the handler has ended", () => seen.isReturned && seen.isAborted);
    });

    test("a refusal comes at once, with its code, and the rest is not asked for", async () => {
      for (const [key, code] of [
        ["large", "too-large"],
        ["bug", "internal"],
      ] as const) {
        const input = newInput();
        await assert.rejects(blobs.putBlob(input.blob(key, endless)), (error) => {
          assert.equal(toPublicError(error).code, code);
          assert.doesNotMatch(String(error), /secret/);
          return true;
        });
        await until("the input is returned", () => input.isReturned);
        assert.ok(input.given < 50, String(input.given));
      }
    });

    test("an answer before the end of the input is an answer", async () => {
      const input = newInput();
      assert.ok((await blobs.putBlob(input.blob("enough", endless))).created);
      await until("the input is returned", () => input.isReturned);
    });

    test("a failure in the middle comes after what was read before, with how long to wait", async () => {
      let length = 0;
      const bytes = blobs.readObject({ objectId: "breaks", length: 2_000_000 });
      await assert.rejects(
        async () => {
          for await (const { data } of bytes) length += data.length;
        },
        (error) => {
          const { code, retryAfterMs } = toPublicError(error);
          assert.deepEqual([code, retryAfterMs], ["blob-store-unavailable", 1_500]);
          return true;
        },
      );
      assert.ok(length >= 900_000, String(length));
    });

    test("what the input throws ends the call, and is no end of the bytes", async () => {
      reset();
      async function* failing() {
        yield* newInput().blob("fine", 3);
        throw fault("digest-mismatch");
      }
      assert.equal(await codeOf(blobs.putBlob(failing())), "digest-mismatch");
      await until("the handler was told", () => seen.failure !== "");
      assert.equal(seen.isComplete, false);
    });

    test("a caller that goes away in the middle ends both ends, also of a handler that does not listen", async () => {
      for (const key of ["fine", "deaf"]) {
        reset();
        const input = newInput();
        const gone = new AbortController();
        const call = codeOf(blobs.putBlob(input.blob(key, endless), { signal: gone.signal }));
        await until("the handler is called", () => seen.isCalled && (input.given > 0 || key === "deaf"));
        gone.abort();
        assert.equal(await call, "cancelled");
        await until("the handler's signal", () => seen.isAborted);
        if (key === "fine")
          await until("both are returned", () => input.isReturned && seen.failure === "cancelled");
      }
    });

    test("a reader that goes away ends the handler, and reads no further", async () => {
      reset();
      const gone = new AbortController();
      const bytes = blobs.readObject({ objectId: "x", length: endless }, { signal: gone.signal });
      await assert.rejects(
        async () => {
          for await (const _ of bytes) gone.abort();
        },
        (error) => toPublicError(error).code === "cancelled",
      );
      await until("the handler has ended", () => seen.isAborted && seen.isReturned);
    });

    test("a reader that stops reading, and then aborts, lets go of what the handler holds", async () => {
      reset();
      const gone = new AbortController();
      for await (const _ of blobs.readObject({ objectId: "x", length: endless }, { signal: gone.signal }))
        break;
      gone.abort();
      await until("the handler has ended", () => seen.isReturned);
    });

    test("a deadline ends the call", async () => {
      for (const call of [
        () => blobs.putBlob(newInput().blob("deaf", endless), { timeoutMs: 50 }),
        () => read(blobs.readObject({ objectId: "deaf", length: 10 }, { timeoutMs: 50 })),
      ])
        assert.equal(await codeOf(call()), "timeout");
    });

    test("one that was aborted before is not begun", async () => {
      const input = newInput();
      const signal = AbortSignal.abort();
      assert.equal(await codeOf(blobs.putBlob(input.blob("fine", 3), { signal })), "cancelled");
      assert.equal(input.given, 0);
    });

    test("nobody is asked for more than the other side takes", async () => {
      reset();
      const input = newInput();
      const gone = new AbortController();
      mayRead = false;
      const call = codeOf(blobs.putBlob(input.blob("fine", endless), { signal: gone.signal }));
      const reading = blobs.readObject({ objectId: "x", length: endless }, { signal: gone.signal });
      await reading[Symbol.asyncIterator]().next();
      await new Promise((resolve) => setTimeout(resolve, 100));
      const under = 2_000_000;
      assert.ok(input.given * chunk.length < under, `sent ${input.given}`);
      assert.ok(seen.sent < under, `read ahead ${seen.sent}`);
      mayRead = true;
      gone.abort();
      assert.equal(await call, "cancelled");
    });

    test("what is not served is refused", async () => {
      assert.equal(await codeOf(blobs.appendToUpload(newInput().blob("x", 1) as never)), "route-not-found");
    });
  });
}

describe("between processes only", () => {
  test("200 MB take no more memory than a few windows", async () => {
    const blobs = createClient(BlobInternalService, endpointAt(server.port));
    const total = 200_000_000;
    // What is held, not what is garbage.
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const watch = setInterval(() => {
      collectGarbage();
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }, 50);
    reset();
    await blobs.putBlob(newInput().blob("fine", Math.ceil(total / chunk.length)));
    assert.equal(await read(blobs.readObject({ objectId: "x", length: total })), total);
    clearInterval(watch);
    assert.ok(seen.bytes >= total);
    assert.ok(most < 64_000_000, `${most} bytes`);
  });

  test("a caller without the credential is refused before its input is asked for", async () => {
    const input = newInput();
    const blobs = createClient(
      BlobInternalService,
      endpointAt(server.port, ["a token that nobody here knows, of 32 characters"]),
    );
    await assert.rejects(
      blobs.putBlob(input.blob("fine", 3)),
      (error) => wireErrorOf(error)?.mayBeCarriedOut === false,
    );
    assert.equal(input.given, 0);
  });

  test("a caller whose clock is an hour off is told the time, and served", async () => {
    for (const key of ["up", "down"]) {
      const clock = createSharedClock(log, () => Date.now() + 3_600_000);
      const blobs = createClient(BlobInternalService, endpointAt(server.port, serviceTokens, clock));
      if (key === "up") assert.ok((await blobs.putBlob(newInput().blob("fine", 3))).created);
      else assert.equal(await read(blobs.readObject({ objectId: "x", length: 10 })), 10);
    }
  });

  test("a connection that breaks in the middle ends both ends; one that cannot be made begins nothing", async (t) => {
    const line = await startLine(server.port);
    t.after(() => line.close());
    const blobs = createClient(BlobInternalService, endpointAt(line.port));
    reset();
    const input = newInput();
    const put = blobs.putBlob(input.blob("fine", endless));
    put.catch(() => {});
    await until("bytes came", () => seen.bytes > 0);
    line.cut();
    await assert.rejects(put, (error) => wireErrorOf(error)?.mayBeCarriedOut === true);
    await until("the handler was told", () => seen.failure === "cancelled" && input.isReturned);

    const reading = blobs.readObject({ objectId: "x", length: endless });
    await assert.rejects(
      async () => {
        for await (const _ of reading) line.cut();
      },
      (error) => wireErrorOf(error)?.mayBeCarriedOut === true,
    );
    await until("the handler was told", () => seen.isReturned);

    line.close();
    const unbegun = newInput();
    await assert.rejects(
      blobs.putBlob(unbegun.blob("fine", 3)),
      (error) => wireErrorOf(error)?.mayBeCarriedOut === false,
    );
    assert.equal(unbegun.given, 0);
  });

  test("a server that stops lets a stream finish", async () => {
    const other = await start();
    const blobs = createClient(BlobInternalService, endpointAt(other.port));
    reset();
    const bytes = blobs.readObject({ objectId: "x", length: 5_000_000 })[Symbol.asyncIterator]();
    const first = await bytes.next();
    const stopped = other.stop(10_000);
    let length = first.value!.data.length;
    for (let next = await bytes.next(); !next.done; next = await bytes.next())
      length += next.value.data.length;
    assert.equal(length, 5_000_000);
    await stopped;
  });
});

/** Between a caller and a server, so that it can be cut. */
async function startLine(to: number) {
  const sockets = new Set<Socket>();
  const line = createServer((near) => {
    const far = createConnection(to, "127.0.0.1");
    for (const socket of [near, far]) sockets.add(socket.on("error", () => {}));
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => line.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets.clear();
  };
  return {
    port: (line.address() as AddressInfo).port,
    cut,
    close() {
      line.close();
      cut();
    },
  };
}
