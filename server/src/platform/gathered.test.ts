import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toPublicError } from "#platform/errors.ts";
import { createGathered, type GatheredOptions } from "#platform/gathered.ts";

function setUp(options: Partial<GatheredOptions<string, string>> = {}) {
  const batches: Array<{ items: string[]; end(error?: Error): void }> = [];
  const gathered = createGathered<string, string>({
    run(items) {
      const { promise, resolve, reject } = Promise.withResolvers<string[]>();
      const end = (error?: Error) =>
        error ? reject(error) : resolve(items.map((item) => item.toUpperCase()));
      batches.push({ items, end });
      return promise;
    },
    maxBatch: 3,
    maxInFlight: 1,
    maxWaiting: 10,
    ...options,
  });
  return { gathered, batches };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("gathered work", () => {
  it("begins with what came in the same turn, and goes on with what gathered meanwhile", async () => {
    const { gathered, batches } = setUp();
    const results = ["a", "b"].map(gathered);
    await turn();
    results.push(...["c", "d", "e", "f"].map(gathered));
    await turn();
    assert.deepEqual(
      batches.map(({ items }) => items),
      [["a", "b"]],
    );
    batches[0]!.end();
    await turn();
    assert.deepEqual(batches[1]!.items, ["c", "d", "e"]);
    batches[1]!.end();
    await turn();
    batches[2]!.end();
    assert.deepEqual(await Promise.all(results), ["A", "B", "C", "D", "E", "F"]);
  });

  it("fails for those of the batch that failed, and for no others", async () => {
    const { gathered, batches } = setUp({ maxBatch: 1 });
    const results = ["a", "b"].map(gathered);
    await turn();
    batches[0]!.end(new Error("broken"));
    await assert.rejects(results[0]!, /broken/);
    await turn();
    batches[1]!.end();
    assert.equal(await results[1], "B");
  });

  it("keeps batches small by their bytes, but takes what is larger by itself", async () => {
    const { gathered, batches } = setUp({ maxInFlight: 9, maxBytes: 4, bytesOf: (item) => item.length });
    for (const item of ["aa", "bb", "c", "ddddddd", "e"]) void gathered(item);
    await turn();
    assert.deepEqual(
      batches.map(({ items }) => items),
      [["aa", "bb"], ["c"], ["ddddddd"], ["e"]],
    );
  });

  it("refuses what would have to wait behind too many", async () => {
    const { gathered } = setUp({ maxWaiting: 1 });
    void gathered("a");
    await assert.rejects(gathered("b"), (error) => toPublicError(error).code === "overloaded");
  });
});
