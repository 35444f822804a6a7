/** What the interface promises, of each store there is. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ObjectMissing, type ObjectStore } from "#blobs/stores/object-store.ts";
import { probeFolder } from "#blobs/stores/store-names.ts";
import { toPublicError } from "#platform/errors.ts";
import { startAzureServer, withoutAzure } from "#test/azure-server.ts";
import {
  bytesOf,
  collect,
  digestOf,
  fleeting,
  namesOf,
  never,
  newObjectName,
  openTestAzureStore,
  openTestFileStore,
  openTestS3Store,
  testFolder,
} from "#test/object-stores.ts";
import { startS3Server, withoutS3 } from "#test/s3-server.ts";

let hours = 0;
const newFolder = () => `2026-10-${String((hours++ % 28) + 1).padStart(2, "0")}T0${Math.floor(hours / 28)}/`;

/** Around where a store changes its way of writing: one request out of memory, one that streams, parts. */
const sizes = [0, 1, 1_000, 262_144, 262_145, 5_242_879, 5_242_880, 5_242_881, 12_000_000];

const s3 = withoutS3 ? undefined : await startS3Server();
const azure = withoutAzure ? undefined : await startAzureServer();
const files = await openTestFileStore();

contract("files", false, () => files.store);
// These servers, unlike S3 and Azure, may keep what they got of a body that broke off.
contract("S3", withoutS3, () => openTestS3Store(s3!), { keepsBrokenBodies: true });
contract("Azure", withoutAzure, () => openTestAzureStore(azure!), { keepsBrokenBodies: true });

function contract(
  name: string,
  skip: string | false,
  open: () => ObjectStore,
  { keepsBrokenBodies = false } = {},
) {
  describe(`a store of ${name}`, { skip }, () => {
    const store = skip ? (undefined as unknown as ObjectStore) : open();
    const whole = (size: number) => ({ offset: 0, length: size });
    const codeOf = (code: string) => (error: unknown) => toPublicError(error).code === code;

    test("passes its check, and leaves nothing of it", async () => {
      await store.check();
      assert.deepEqual(await namesOf(store.list(probeFolder)), []);
    });

    for (const size of sizes) {
      for (const announced of [true, false]) {
        test(`keeps ${size} bytes, ${announced ? "announced" : "not announced"}`, async () => {
          const name = newObjectName();
          const options = { size: announced ? size : undefined, signal: never };
          await store.write(name, fleeting(bytesOf(size)), options);
          assert.equal(await store.sizeOf(name), size);
          const read = await digestOf(await store.read(name, whole(size), never));
          assert.deepEqual(read, await digestOf(bytesOf(size)));
        });
      }
    }

    test("reads ranges", async () => {
      const name = newObjectName();
      const size = 1_000_000;
      await store.write(name, bytesOf(size), { size, signal: never });
      const all = await collect(bytesOf(size));
      for (const [offset, length] of [
        [0, 1],
        [999_999, 1],
        [12_345, 600_000],
        [500, 0],
        [0, size],
      ] as const) {
        const part = await collect(await store.read(name, { offset, length }, never));
        assert.ok(part.equals(all.subarray(offset, offset + length)), `${offset}, ${length}`);
      }
    });

    test("does not give fewer bytes than were asked for as if they were all", async () => {
      const name = newObjectName();
      await store.write(name, bytesOf(1_000), { size: 1_000, signal: never });
      const reading = async () => collect(await store.read(name, { offset: 500, length: 501 }, never));
      await assert.rejects(reading, codeOf("blob-store-unavailable"));
    });

    test("says when there is no such object", async () => {
      const name = newObjectName();
      assert.equal(await store.sizeOf(name), undefined);
      await assert.rejects(store.read(name, whole(10), never), ObjectMissing);
      await assert.rejects(store.read(name, whole(0), never), ObjectMissing);
      await store.delete([name]);
    });

    for (const [what, size] of [
      ["announced", 8_000_000],
      ["few announced", 100_000],
      ["unannounced", undefined],
    ] as const) {
      test(`throws what the sender throws, and leaves nothing: ${what}`, async () => {
        const folder = newFolder();
        const name = newObjectName(folder);
        const mine = new Error("the sender's own");
        async function* broken() {
          yield* bytesOf(size === 100_000 ? 50_000 : 7_000_000);
          throw mine;
        }
        await assert.rejects(store.write(name, broken(), { size, signal: never }), (error) => error === mine);
        if (keepsBrokenBodies && what === "announced") return;
        assert.equal(await store.sizeOf(name), undefined);
        assert.deepEqual(await namesOf(store.list(folder)), []);
      });

      test(`ends when the caller gives up in the middle, and leaves nothing: ${what}`, async () => {
        const folder = newFolder();
        const name = newObjectName(folder);
        const caller = new AbortController();
        async function* stuck() {
          yield* bytesOf(50_000);
          setImmediate(() => caller.abort(new Error("gone")));
          await new Promise(() => {});
        }
        await assert.rejects(store.write(name, stuck(), { size, signal: caller.signal }), /gone/);
        if (keepsBrokenBodies && what === "announced") return;
        assert.equal(await store.sizeOf(name), undefined);
        assert.deepEqual(await namesOf(store.list(folder)), []);
      });
    }

    for (const [what, size] of [
      ["fewer", 300_001],
      ["more", 299_999],
      ["more than none", 0],
    ] as const) {
      test(`refuses ${what} bytes than were announced`, async () => {
        const name = newObjectName();
        let isClosed = false;
        async function* sender() {
          try {
            yield* bytesOf(300_000);
          } finally {
            isClosed = true;
          }
        }
        const writing = store.write(name, sender(), { size, signal: never });
        await assert.rejects(writing, codeOf("malformed-request"));
        if (!keepsBrokenBodies) assert.equal(await store.sizeOf(name), undefined);
        assert.ok(isClosed, "the sender was not told");
      });
    }

    test("shows no object before all of it is there", async () => {
      const name = newObjectName();
      const seen: (number | undefined)[] = [];
      async function* watched() {
        yield* bytesOf(3_000_000);
        seen.push(await store.sizeOf(name));
        yield* bytesOf(3_000_000);
        seen.push(await store.sizeOf(name));
      }
      await store.write(name, watched(), { size: 6_000_000, signal: never });
      assert.deepEqual(seen, [undefined, undefined]);
      assert.equal(await store.sizeOf(name), 6_000_000);
    });

    test("ends a reading when the caller gives up", async () => {
      const name = newObjectName();
      await store.write(name, bytesOf(12_000_000), { size: 12_000_000, signal: never });
      const caller = new AbortController();
      const reading = async () => {
        for await (const _ of await store.read(name, whole(12_000_000), caller.signal)) {
          caller.abort(new Error("gone"));
        }
      };
      await assert.rejects(reading, /gone/);
      await assert.rejects(async () => collect(await store.read(name, whole(10), caller.signal)), /gone/);
    });

    test("lists a folder and what folders there are, and deletes", async () => {
      const folder = "2026-11-19T07/";
      const names = Array.from({ length: 30 }, () => newObjectName(folder)).sort();
      await Promise.all(names.map((name) => store.write(name, bytesOf(10), { size: 10, signal: never })));
      await store.write(newObjectName(), bytesOf(10), { size: 10, signal: never });
      assert.deepEqual(await namesOf(store.list(folder)), names);
      assert.deepEqual(
        (await namesOf(store.folders())).filter((name) => name === folder || name === testFolder),
        [folder, testFolder],
      );
      await store.delete([...names, newObjectName(folder)]);
      assert.deepEqual(await namesOf(store.list(folder)), []);
      await store.delete([]);
      // A folder that was taken away comes back with its next object.
      await store.write(names[0]!, bytesOf(10), { size: 10, signal: never });
      assert.deepEqual(await namesOf(store.list(folder)), [names[0]]);
    });

    test("takes no names but those of objects", async () => {
      for (const name of [
        "../etc/passwd",
        `${testFolder}..`,
        `/${newObjectName()}`,
        `${newObjectName()}/x`,
        "",
      ]) {
        await assert.rejects(store.write(name, bytesOf(1), { size: 1, signal: never }), /not a name/);
        await assert.rejects(store.read(name, whole(1), never), /not a name/);
        await assert.rejects(store.delete([name]), /not a name/);
        await assert.rejects(store.sizeOf(name), /not a name/);
        await assert.rejects(namesOf(store.list(name)), /not a folder/);
      }
    });
  });
}
