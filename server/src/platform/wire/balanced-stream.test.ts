import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient, type Transport } from "@connectrpc/connect";
import { BlobInternalService } from "@parley/api/internal/blobs";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import { createBalancedTransport } from "#platform/wire/balanced-transport.ts";
import type { Endpoint } from "#platform/wire/endpoint.ts";
import { connectionLost, notSent } from "#platform/wire/wire-error.ts";

/** Fails before it asks for anything, or after the first message. */
function endpoint(url: string, failure?: { error: unknown; isLate?: boolean }) {
  const one = { url, isSuspect: false, calls: 0, close() {} };
  const direct = createDirectTransport((router) =>
    router.service(BlobInternalService, {
      async putBlob(requests) {
        one.calls += 1;
        for await (const _ of requests) if (failure) throw failure.error;
        return {};
      },
      async *readObject() {
        one.calls += 1;
        if (failure && !failure.isLate) throw failure.error;
        yield { data: Uint8Array.of(1) };
        if (failure) throw failure.error;
      },
    }),
  );
  const transport: Transport = {
    ...direct,
    async stream(...call) {
      if (!failure || failure.isLate) return direct.stream(...call);
      one.calls += 1;
      throw failure.error;
    },
  };
  return Object.assign(one, { transport }) satisfies Endpoint;
}

function blobsAt(...endpoints: Endpoint[]) {
  const isRefusal = (error: unknown) => toPublicError(error).code === "circuit-open";
  return createClient(
    BlobInternalService,
    createBalancedTransport({ endpoints: () => endpoints, isRefusal }),
  );
}

async function* head() {
  yield { part: { case: "head" as const, value: { key: "k" } } };
}

async function read(blobs: ReturnType<typeof blobsAt>): Promise<number> {
  let length = 0;
  for await (const { data } of blobs.readObject({})) length += data.length;
  return length;
}

test("a stream that was not begun goes elsewhere", async () => {
  for (const error of [notSent("refused"), fault("circuit-open")]) {
    const away = endpoint("away", { error });
    const well = endpoint("well");
    const blobs = blobsAt(away, well);
    for (let i = 0; i < 4; i++) {
      await blobs.putBlob(head());
      assert.equal(await read(blobs), 1);
    }
    assert.equal(well.calls, 8);
    assert.ok(away.calls > 0);
  }
});

test("one of which something was sent up, or has come back, does not", async () => {
  for (const error of [notSent("refused"), connectionLost("reset"), fault("circuit-open")]) {
    const all = [endpoint("a", { error, isLate: true }), endpoint("b", { error, isLate: true })];
    await assert.rejects(blobsAt(...all).putBlob(head()));
    await assert.rejects(read(blobsAt(...all)));
    assert.equal(all[0]!.calls + all[1]!.calls, 2);
  }
});

test("streams that last keep others away", async () => {
  const [busy, free] = [endpoint("busy"), endpoint("free")];
  const blobs = blobsAt(busy, free);
  const open = [1, 2].map(() => blobs.readObject({})[Symbol.asyncIterator]());
  for (const stream of open) await stream.next();
  assert.deepEqual([busy.calls, free.calls], [1, 1]);
  await open[0]!.next().then(() => open[0]!.next());
  for (let i = 0; i < 3; i++) await read(blobs);
  assert.deepEqual([busy.calls, free.calls].sort(), [1, 4]);
});
