/** The SDK's ways straight to the object store and from it, through a whole Parley on a real S3-speaking server. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import type { Progress } from "@parley/client";
import { startParley } from "#test/parley.ts";
import { newPerson } from "#test/people.ts";
import { s3Credentials, startS3Server, withoutS3 } from "#test/s3-server.ts";
import { until } from "#test/until.ts";

describe("straight to the object store, by the SDK", { skip: withoutS3 }, async () => {
  if (withoutS3) return;
  const store = await startS3Server();
  Object.assign(process.env, s3Credentials);
  const parley = await startParley({
    PARLEY_BLOB_STORE: `s3://${store.bucket}?endpoint=${store.endpoint}&region=us-east-1&pathStyle=true`,
  });
  let losesAnswers = 0;
  const toStore: Headers[] = [];
  /** What goes to the store is noted; now and then its answer is lost. */
  const fetchWithLosses: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    if (!String(input).startsWith(store.endpoint)) return answer;
    toStore.push(new Headers(init?.headers));
    if (losesAnswers-- <= 0) return answer;
    await answer.arrayBuffer();
    throw new TypeError("the connection broke");
  };
  const ada = await newPerson(parley.url, "Ada", {
    fetch: fetchWithLosses,
    backoff: { minMs: 1, maxMs: 5 },
  });
  const { blobs } = ada.client;
  const etagOf = (bytes: Uint8Array) => `"${createHash("sha256").update(bytes).digest("hex")}"`;

  test("bytes go there and come back, with their type, metadata and progress", async () => {
    const bytes = new Uint8Array(randomBytes(300_000));
    const progress: Progress[] = [];
    const put = await blobs.putDirectly("photos/ä 1.png", bytes, {
      contentType: "image/png",
      metadata: { mood: "calm" },
      onProgress: (step) => progress.push(step),
    });
    assert.deepEqual([put.key, put.size, put.etag], ["photos/ä 1.png", bytes.length, etagOf(bytes)]);
    assert.deepEqual([put.contentType, put.metadata], ["image/png", { mood: "calm" }]);
    assert.deepEqual(progress.at(-1), { sent: bytes.length, size: bytes.length });
    assert.equal(toStore.at(-1)!.get("authorization"), null, "the store is shown no token");

    const { bytes: read } = await blobs.get("photos/ä 1.png");
    assert.deepEqual(await read(), bytes);
    const link = await blobs.createDownloadLink("photos/ä 1.png");
    assert.ok(link.url.startsWith(store.endpoint));
    assert.ok(Date.parse(link.expiresAt) > Date.now());
    assert.deepEqual(new Uint8Array(await (await fetch(link.url)).arrayBuffer()), bytes);
  });

  test("a lost answer of the store is survived, and a file with a known hash is not read for it", async () => {
    const bytes = randomBytes(1_000);
    const file = new Blob([bytes], { type: "text/plain" });
    file.arrayBuffer = () => assert.fail("it was read as a whole");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    losesAnswers = 1;
    const before = toStore.length;
    const put = await blobs.putDirectly("lost", file, { sha256 });
    assert.deepEqual([put.etag, put.contentType], [etagOf(bytes), "text/plain"]);
    assert.equal(toStore.length, before + 2);
  });

  test("bytes that the store refuses, and an upload that is given up, leave nothing, nor hold any of the quota", async () => {
    const before = await blobs.usage();
    const wrong = createHash("sha256").update("other").digest("hex").toUpperCase();
    const refused = blobs.putDirectly("wrong", new Uint8Array(10), { sha256: wrong });
    await assert.rejects(refused, { code: "store-refused" });
    const giveUp = new AbortController();
    const reason = new Error("changed my mind");
    const givenUp = blobs.putDirectly("given-up", new Uint8Array(100_000), {
      signal: giveUp.signal,
      onProgress: () => giveUp.abort(reason),
    });
    await assert.rejects(givenUp, reason);
    for (const key of ["wrong", "given-up"]) {
      await assert.rejects(blobs.head(key), { code: "blob-not-found" });
      await assert.rejects(blobs.createDownloadLink(key), { code: "blob-not-found" });
    }
    await until("both are taken back", async () => (await blobs.usage()).used === before.used);
  });

  test("an empty one is a blob as well", async () => {
    const empty = new Uint8Array();
    assert.equal((await blobs.putDirectly("empty", empty)).etag, etagOf(empty));
  });
});

test("on files there is no way past the server, and that is said", async () => {
  const { url } = await startParley();
  const { client } = await newPerson(url);
  await client.blobs.put("here", "text");
  const unavailable = { code: "direct-transfer-unavailable" };
  await assert.rejects(client.blobs.putDirectly("k", new Uint8Array(10)), unavailable);
  await assert.rejects(client.blobs.createDownloadLink("here"), unavailable);
});
