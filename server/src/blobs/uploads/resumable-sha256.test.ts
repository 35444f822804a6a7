import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { resumeSha256 } from "#blobs/uploads/resumable-sha256.ts";

test("goes on where it was saved, wherever that was", async () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(fc.array(bytes), async (parts) => {
      let state: Uint8Array | undefined;
      for (const part of parts) {
        const hash = (await resumeSha256(state))!;
        // Views into larger memory, as chunks and columns are.
        hash.update(Buffer.concat([Buffer.from("xyz"), part]).subarray(3));
        state = Buffer.concat([Buffer.from("xyz"), hash.save()]).subarray(3);
      }
      const expected = createHash("sha256").update(Buffer.concat(parts)).digest("hex");
      assert.equal(Buffer.from((await resumeSha256(state))!.digest()).toString("hex"), expected);
    }),
    { numRuns: 50 },
  );
});

test("refuses what another version has saved", async () => {
  const state = (await resumeSha256(undefined))!.save();
  state[0]! ^= 1;
  assert.equal(await resumeSha256(state), undefined);
});
