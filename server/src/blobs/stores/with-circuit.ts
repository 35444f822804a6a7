/** A circuit breaker and metrics around a store: while it is away, callers are told at once instead of waiting for it. */
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { createStoreMetrics, type Operation, type StoreOutcome } from "#blobs/stores/store-metrics.ts";
import type { Circuit, Pass } from "#platform/circuit/circuit.ts";
import { fault, toPublicError } from "#platform/errors.ts";
import type { Telemetry } from "#platform/telemetry.ts";

export function withCircuit(store: ObjectStore, circuit: Circuit, telemetry: Telemetry): ObjectStore {
  const record = createStoreMetrics(telemetry);

  /** How long a transfer takes is up to the bytes and to whoever sends them: no call is slow. */
  function begin(operation: Operation) {
    const startedMs = performance.now();
    const entry = circuit.tryEnter(true);
    if (!entry.isAdmitted) {
      record(operation, "refused", 0);
      throw fault("blob-store-unavailable", { retryAfterMs: entry.retryAfterMs });
    }
    return (outcome: StoreOutcome) => {
      settle(entry, outcome);
      record(operation, outcome, performance.now() - startedMs);
    };
  }

  async function guarded<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
    const end = begin(operation);
    try {
      const result = await work();
      end("success");
      return result;
    } catch (error) {
      end(outcomeOf(error));
      throw error;
    }
  }

  async function* guardedNames(names: AsyncIterable<string>): AsyncGenerator<string> {
    yield* settled(names, begin("list"));
  }

  return {
    kind: store.kind,
    description: store.description,
    check: (signal) => store.check(signal),
    write: (name, bytes, options) => guarded("write", () => store.write(name, bytes, options)),
    async read(name, range, signal) {
      const end = begin("read");
      try {
        return settled(await store.read(name, range, signal), end);
      } catch (error) {
        end(outcomeOf(error));
        throw error;
      }
    },
    sizeOf: (name, signal) => guarded("size", () => store.sizeOf(name, signal)),
    delete: (names) => guarded("delete", () => store.delete(names)),
    list: (folder) => guardedNames(store.list(folder)),
    folders: () => guardedNames(store.folders()),
    ...(store.direct ? { direct: store.direct } : {}),
  };
}

/** One who stops reading says nothing about the store. */
async function* settled<T>(items: AsyncIterable<T>, end: (outcome: StoreOutcome) => void): AsyncGenerator<T> {
  let outcome: StoreOutcome = "ignored";
  try {
    yield* items;
    outcome = "success";
  } catch (error) {
    outcome = outcomeOf(error);
    throw error;
  } finally {
    end(outcome);
  }
}

/** Of all that can go wrong only this is the store's: the rest is the caller's, the sender's, or the object's. */
function outcomeOf(error: unknown): StoreOutcome {
  const { code } = toPublicError(error);
  if (code === "blob-store-unavailable") return "failure";
  return code === "storage-full" ? "full" : "ignored";
}

function settle(pass: Pass, outcome: StoreOutcome): void {
  if (outcome === "success") pass.succeed();
  else if (outcome === "failure") pass.fail("blob-store-unavailable");
  else pass.ignore();
}
