import assert from "node:assert/strict";
import { test } from "node:test";
import { createNoopMeter } from "@opentelemetry/api";
import { ObjectMissing, type ObjectStore } from "#blobs/stores/object-store.ts";
import { withCircuit } from "#blobs/stores/with-circuit.ts";
import { createCircuits } from "#platform/circuit/circuits.ts";
import { circuitSettings } from "#platform/circuit/config.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { readSettings } from "#platform/settings.ts";
import { noTelemetry } from "#platform/telemetry.ts";
import { bytesOf, collect, never, newObjectName, openTestFileStore } from "#test/object-stores.ts";

const { store: files } = await openTestFileStore();

function setUp(change: Partial<ObjectStore> = {}) {
  const settings = readSettings(circuitSettings, { PARLEY_CIRCUIT_MIN_CALLS: "4" }, []);
  // Its time stands still: a circuit that opened stays open.
  const now = () => 0;
  const circuits = createCircuits({ settings, meter: createNoopMeter(), log: createLog("silent"), now });
  const recorded: string[] = [];
  const telemetry = {
    ...noTelemetry,
    histogram: () => ({
      series: ({ operation, outcome }: Record<string, unknown>) => ({
        record: () => void recorded.push(`${operation} ${outcome}`),
      }),
    }),
  };
  const circuit = circuits.of("blob-store", "test");
  const store = withCircuit({ ...files, ...change }, circuit, telemetry);
  return { store, circuit, recorded };
}

const known = (size: number) => ({ size, signal: never });
const away = async () => {
  throw fault("blob-store-unavailable");
};
const ignoring = (work: Promise<unknown>) => work.catch(() => {});

test("an open circuit refuses at once, and says when to come again", async () => {
  let calls = 0;
  const { store, circuit, recorded } = setUp({
    sizeOf: () => {
      calls += 1;
      return away();
    },
  });
  for (let i = 0; i < 4; i++) await ignoring(store.sizeOf(newObjectName()));
  assert.equal(circuit.snapshot.state, "open");
  const refused = await store.write(newObjectName(), bytesOf(1), known(1)).catch(toPublicError);
  assert.equal(refused?.code, "blob-store-unavailable");
  assert.ok((refused?.retryAfterMs ?? 0) > 0);
  assert.equal(calls, 4);
  assert.deepEqual(recorded, [...Array(4).fill("size failure"), "write refused"]);
});

test("what is the caller's, the sender's or the object's does not open it", async () => {
  const { store, circuit, recorded } = setUp();
  const gone = AbortSignal.abort(new Error("gone"));
  async function* broken() {
    yield new Uint8Array(1);
    throw new Error("the sender's");
  }
  for (let i = 0; i < 5; i++) {
    await assert.rejects(store.read(newObjectName(), { offset: 0, length: 1 }, never), ObjectMissing);
    await assert.rejects(store.write(newObjectName(), bytesOf(1), { size: 1, signal: gone }), /gone/);
    await assert.rejects(store.write(newObjectName(), broken(), known(9)), /the sender's/);
  }
  assert.equal(circuit.snapshot.state, "closed");
  assert.ok(
    recorded.every((line) => line.endsWith("ignored")),
    String(recorded),
  );
});

test("a full store is full, not away", async () => {
  const full = async () => {
    throw fault("storage-full");
  };
  const { store, circuit, recorded } = setUp({ write: full });
  for (let i = 0; i < 5; i++) await ignoring(store.write(newObjectName(), bytesOf(1), known(1)));
  assert.equal(circuit.snapshot.state, "closed");
  assert.deepEqual(new Set(recorded), new Set(["write full"]));
});

test("a reading counts when it has ended, and fails when it breaks off", async () => {
  const breaking = async () =>
    (async function* () {
      yield new Uint8Array(1);
      throw fault("blob-store-unavailable");
    })();
  const { store, circuit, recorded } = setUp({ read: breaking });
  for (let i = 0; i < 4; i++) {
    const bytes = await store.read(newObjectName(), { offset: 0, length: 2 }, never);
    assert.equal(recorded.length, i);
    await ignoring(collect(bytes));
  }
  assert.equal(circuit.snapshot.state, "open");
  assert.deepEqual(new Set(recorded), new Set(["read failure"]));
});

test("passes everything on", async () => {
  const { store, recorded } = setUp();
  const name = newObjectName();
  await store.write(name, bytesOf(100), known(100));
  assert.equal((await collect(await store.read(name, { offset: 0, length: 100 }, never))).length, 100);
  assert.equal(await store.sizeOf(name), 100);
  for await (const _ of store.list("2026-11-21T19/"));
  for await (const _ of store.folders());
  await store.delete([name]);
  const expected = ["write", "read", "size", "list", "list", "delete"].map((what) => `${what} success`);
  assert.deepEqual(recorded, expected);
});
