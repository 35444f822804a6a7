/** Blobs against a server that loses connections and answers, refuses, and stands still. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { startBlobClient } from "../test/blob-clients.ts";
import { until } from "../test/until.ts";
import { blobPath } from "./blob-shapes.ts";
import type { Progress } from "./client.ts";

const { calls, client, held, server, signedIn } = await startBlobClient();

const some = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i * 31) % 251);

function recorded() {
  const progress: Progress[] = [];
  return { progress, onProgress: (step: Progress) => void progress.push(step) };
}

function assertRises(progress: Progress[], size: number): void {
  const sent = progress.map((step) => step.sent);
  assert.deepEqual(
    sent,
    [...new Set(sent)].sort((a, b) => a - b),
  );
  assert.equal(sent.at(-1), size);
  assert.ok(progress.every((step) => step.size === size));
}

describe("putting", () => {
  test("takes all kinds of content, and says what became of it", async () => {
    const bytes = some(1000);
    const contents = [bytes, bytes.buffer, new Blob([bytes]), new Blob([bytes]).stream()];
    for (const content of contents) {
      const info = await client.blobs.put("some/key", content, { metadata: { Made: "today" } });
      assert.deepEqual(new Uint8Array(held("some/key")!.bytes), bytes);
      assert.equal(info.size, 1000);
      assert.deepEqual(info.metadata, { made: "today" });
      assert.equal(info.contentType, "application/octet-stream");
    }
    await client.blobs.put("text", "¡hola!", { contentType: "text/plain" });
    assert.equal(held("text")!.bytes.toString(), "¡hola!");
    assert.equal(held("text")!.contentType, "text/plain");
    await client.blobs.put("typed", new Blob(["x"], { type: "image/png" }));
    assert.equal(held("typed")!.contentType, "image/png");
    await client.blobs.put("empty", "");
    assert.equal(held("empty")!.bytes.length, 0);
  });

  test("says the length beforehand, so that too much is refused before it is read", async () => {
    await client.blobs.put("k", some(5000));
    assert.equal(server.blobs.given[0]!.headers["content-length"], "5000");
    server.blobs.trouble = { refusals: [{ status: 413, code: "quota-exceeded" }] };
    await assert.rejects(client.blobs.put("k", some(90_000)), { code: "quota-exceeded", status: 413 });
    assert.equal(server.blobs.given.length, 2, "what is refused for good is not sent again");
  });

  test("tells its progress, which only rises, also when it begins anew", async () => {
    const { progress, onProgress } = recorded();
    server.blobs.trouble = { breaksAfter: 70_000 };
    await client.blobs.put("k", some(99_000), { onProgress });
    assert.deepEqual(new Uint8Array(held("k")!.bytes), some(99_000));
    assert.equal(server.blobs.given.length, 2);
    assertRises(progress, 99_000);
  });

  test("waits as long as a busy server asks", async () => {
    server.blobs.trouble = {
      refusals: [{ status: 503, code: "blob-store-unavailable", headers: { "retry-after": "1" } }],
    };
    const begun = performance.now();
    await client.blobs.put("k", "x");
    assert.ok(performance.now() - begun >= 990);
  });

  test("sends a stream once, and a condition's put once when its answer was lost", async () => {
    server.blobs.trouble = { losesAnswer: true };
    await assert.rejects(client.blobs.put("k", new Blob(["x"]).stream()), { code: "network" });
    assert.equal(server.blobs.given.length, 1);
    server.blobs.trouble = { losesAnswer: true };
    await assert.rejects(client.blobs.put("new", "x", { ifNoneMatch: "*" }), { code: "network" });
    assert.ok(held("new"), "nobody knows whether it was done: it was");
    await assert.rejects(client.blobs.put("new", "x", { ifNoneMatch: "*" }), { code: "precondition-failed" });
    server.blobs.trouble = { refusals: [{ status: 503, code: "overloaded" }] };
    await client.blobs.put("newer", "x", { ifNoneMatch: "*" });
  });

  test("renews a token that was refused", async () => {
    server.state.expireAccessTokens();
    await client.blobs.put("k", some(10_000));
    assert.equal(held("k")!.bytes.length, 10_000);
  });

  test("ends when it is aborted, at any time", async () => {
    const aborting = new AbortController();
    server.blobs.trouble = { stalls: true };
    const putting = client.blobs.put("k", some(50_000), { signal: aborting.signal });
    await until("it is under way", () => server.blobs.given.length === 1);
    aborting.abort(new Error("changed my mind"));
    await assert.rejects(putting, /changed my mind/);
    await assert.rejects(client.blobs.put("k", "x", { signal: aborting.signal }), /changed my mind/);
    assert.equal(server.blobs.given.length, 1);
  });

  test("a transfer that stands still fails, and the next try may succeed", async () => {
    const impatient = await signedIn({ stallMs: 50 });
    server.blobs.trouble = { stalls: true };
    await assert.rejects(impatient.blobs.put("k", "x", { ifNoneMatch: "*" }), { code: "timeout" });
  });

  test("close ends what is under way", async () => {
    const closing = await signedIn();
    server.blobs.trouble = { stalls: true };
    const putting = closing.blobs.put("k", some(50_000));
    await until("it is under way", () => server.blobs.given.length === 1);
    closing.close();
    await assert.rejects(putting, { code: "closed" });
  });
});

describe("resumable uploads", () => {
  const big = some(350_000);

  test("what is large goes in parts, and has a content type and metadata", async () => {
    const { progress, onProgress } = recorded();
    const info = await client.blobs.put("größe", big, {
      contentType: "video/mp4",
      metadata: { from: "Zoë" },
      onProgress,
    });
    assert.deepEqual(new Uint8Array(held("größe")!.bytes), big);
    assert.deepEqual(
      { ...held("größe")!, bytes: 0 },
      {
        bytes: 0,
        contentType: "video/mp4",
        metadata: { from: "Zoë" },
      },
    );
    assert.equal(info.size, 350_000);
    assertRises(progress, 350_000);
    assert.equal(calls().filter((call) => call.startsWith("PATCH")).length, 4);
  });

  test("goes on where it broke off", async () => {
    const { progress, onProgress } = recorded();
    server.blobs.trouble = { breaksAfter: 60_000 };
    await client.blobs.put("k", big, { onProgress });
    assert.deepEqual(new Uint8Array(held("k")!.bytes), big);
    assert.ok(server.blobs.given.some(({ headers }) => headers["upload-offset"] === "60000"));
    assertRises(progress, 350_000);
  });

  test("survives lost answers, also the last one, and an offset that is not what it thinks", async () => {
    for (const breaks of [0, 1, 2, 3]) {
      let patches = 0;
      const losing = await signedIn({
        fetch: async (url, init) => {
          if (init?.method === "PATCH" && patches++ === breaks) server.blobs.trouble = { losesAnswer: true };
          return fetch(url, init);
        },
      });
      await losing.blobs.put(`lost ${breaks}`, big);
      assert.deepEqual(new Uint8Array(held(`lost ${breaks}`)!.bytes), big);
    }
    server.blobs.trouble = {
      refusals: [
        { status: 503, code: "overloaded" },
        { status: 409, code: "upload-offset-mismatch" },
        { status: 423, code: "invalid-input" },
      ],
    };
    await client.blobs.put("k", big);
    assert.deepEqual(new Uint8Array(held("k")!.bytes), big);
  });

  test("begins anew when the server has forgotten it", async () => {
    let patches = 0;
    const forgetful = await signedIn({
      fetch: async (url, init) => {
        if (init?.method === "PATCH" && ++patches === 3) server.blobs.uploads.clear();
        return fetch(url, init);
      },
    });
    await forgetful.blobs.put("k", big);
    assert.deepEqual(new Uint8Array(held("k")!.bytes), big);
    assert.equal(calls().filter((call) => call === "POST /v2/uploads").length, 2);
  });

  test("a token that expires on the way is renewed", async () => {
    let patches = 0;
    const long = await signedIn({
      fetch: async (url, init) => {
        if (init?.method === "PATCH" && ++patches === 2) server.state.expireAccessTokens();
        return fetch(url, init);
      },
    });
    await long.blobs.put("k", big);
    assert.deepEqual(new Uint8Array(held("k")!.bytes), big);
  });

  test("is taken back when it is aborted, or refused for good", async () => {
    const aborting = new AbortController();
    const onProgress = ({ sent }: Progress) => sent > 150_000 && aborting.abort(new Error("enough"));
    await assert.rejects(client.blobs.put("k", big, { onProgress, signal: aborting.signal }), /enough/);
    await until("it is gone", () => server.blobs.uploads.size === 0);
    let patches = 0;
    const refused = await signedIn({
      fetch: async (url, init) => {
        if (init?.method === "PATCH" && ++patches === 2)
          server.blobs.trouble.refusals = [{ status: 507, code: "storage-full" }];
        return fetch(url, init);
      },
    });
    await assert.rejects(refused.blobs.put("k", big), { code: "storage-full" });
    await until("it is gone", () => server.blobs.uploads.size === 0);
    assert.equal(held("k"), undefined);
  });

  test("gives up when nothing gets through any more", async () => {
    server.blobs.trouble = {
      refusals: Array.from({ length: 50 }, () => ({ status: 503, code: "overloaded" })),
    };
    await assert.rejects(client.blobs.put("k", big), { code: "overloaded" });
    assert.equal(server.blobs.given.length, 10);
  });

  test("never gives up while something gets through", async () => {
    const shaky = await signedIn({
      fetch: async (url, init) => {
        if (init?.method === "PATCH") server.blobs.trouble.breaksAfter = 26_000;
        return fetch(url, init);
      },
    });
    await shaky.blobs.put("k", big);
    assert.deepEqual(new Uint8Array(held("k")!.bytes), big);
    assert.ok(calls().filter((call) => call.startsWith("PATCH")).length > 12);
  });

  test("conditions, and metadata that would be taken for something else, go without it", async () => {
    await client.blobs.put("a", big, { ifNoneMatch: "*" });
    await client.blobs.put("b", big, { metadata: { key: "x" } });
    assert.deepEqual(calls(), ["PUT /v2/blobs/a", "PUT /v2/blobs/b"]);
  });
});

describe("getting", () => {
  test("gives the bytes, a part of them, and what is known", async () => {
    await client.blobs.put("k", "0123456789", { contentType: "text/plain", metadata: { a: "für 🎈" } });
    const whole = await client.blobs.get("k");
    const { etag } = held("k") ? whole.blob : { etag: "" };
    const known = {
      key: "k",
      size: 10,
      contentType: "text/plain",
      etag,
      metadata: { a: "für 🎈" },
      updatedAt: "2026-11-21T12:00:00.000Z",
    };
    assert.deepEqual(whole.blob, known);
    assert.equal(await whole.text(), "0123456789");
    assert.equal(whole.range, undefined);
    const part = await client.blobs.get("k", { range: { from: 2, to: 4 } });
    assert.deepEqual(part.blob, known);
    assert.deepEqual(part.range, { from: 2, to: 4 });
    assert.deepEqual(await part.bytes(), new TextEncoder().encode("234"));
    assert.deepEqual(await client.blobs.head("k"), known);
    for (const read of [client.blobs.head("none"), client.blobs.get("none")])
      await assert.rejects(read, { code: "blob-not-found", status: 404 });
  });

  test("bytes that do not come to their end are an error, never a short answer", async () => {
    await client.blobs.put("k", some(50_000));
    server.blobs.trouble = { breaksAfter: 10_000 };
    const broken = await client.blobs.get("k");
    await assert.rejects(broken.bytes(), { code: "network" });
    const stopped = await client.blobs.get("k");
    await stopped.body.cancel();
  });

  test("lists by prefix, page by page, and deletes", async () => {
    for (const key of ["a/1", "a/2", "a/3", "b"]) await client.blobs.put(key, key);
    const { blobs, nextCursor } = await client.blobs.list({ prefix: "a/" });
    assert.deepEqual(
      blobs.map(({ key, size }) => [key, size]),
      [
        ["a/1", 3],
        ["a/2", 3],
      ],
    );
    assert.ok(nextCursor);
    const all: string[] = [];
    for await (const { key } of client.blobs.listAll()) all.push(key);
    assert.deepEqual(all, ["a/1", "a/2", "a/3", "b"]);
    await client.blobs.delete("a/1", { ifMatch: '"x"' });
    assert.equal(held("a/1"), undefined);
    assert.equal(server.blobs.given.at(-1)!.headers["if-match"], '"x"');
    assert.deepEqual(await client.blobs.usage(), { used: 5, quota: 10, blobCount: 1 });
  });
});

describe("keys", () => {
  test("any key comes to the server as it is, but those that no URL can hold", async () => {
    assert.equal(blobPath("a b/ü?#%"), "/v2/blobs/a%20b/%C3%BC%3F%23%25");
    assert.equal(blobPath("../secret"), "/v2/blobs/..%2Fsecret");
    for (const key of ["", ".", "..", "\ud800"]) {
      await assert.rejects(client.blobs.put(key, "x"), { code: "invalid-input" });
    }
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 200 }), (key) => {
        if (key === "." || key === "..") return;
        const { pathname } = new URL(blobPath(key), "http://host");
        assert.equal(decodeURIComponent(pathname.slice("/v2/blobs/".length)), key);
      }),
    );
  });

  test("metadata that no header can hold is refused", async () => {
    for (const metadata of [{ name: "a\nb" }, { name: " " }, { näme: "x" }])
      await assert.rejects(client.blobs.put("k", "x", { metadata }), { code: "invalid-input" });
  });
});
