import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { startBlobClient } from "../test/blob-clients.ts";
import { until } from "../test/until.ts";
import { shortened } from "./attachments.ts";
import { createBackoff } from "./backoff.ts";
import type { Message } from "./client.ts";
import { createLane, type OutboxItem, type SendDone } from "./outbox-lane.ts";

const { calls, client, held, server, signedIn } = await startBlobClient();

/** Timers of just so many milliseconds end when the test says so. */
function holdTimers(ofMs: number): { end(): void } {
  const real = globalThis.setTimeout;
  const held: (() => void)[] = [];
  const { mock: mocked } = mock.method(globalThis, "setTimeout", (run: () => void, ms = 0) => {
    if (ms === ofMs) held.push(run);
    return real(run, ms);
  });
  return {
    end() {
      mocked.restore();
      assert.equal(held.length, 1);
      for (const run of held) run();
    },
  };
}

describe("messages with attachments", () => {
  test("a file is uploaded under a key of its own, which is given up once the message is stored", async () => {
    const chat = server.state.createChat([client.user!.id]);
    const file = new File(["hello"], "hello.txt", { type: "text/plain" });
    const sent = await client.uploadFile(file);
    assert.equal(sent.name, "hello.txt");
    assert.equal(held(sent.key)!.contentType, "text/plain");
    const kept = { key: "mine", name: "mine.txt" };
    await client.blobs.put("mine", "mine");
    const message = await client.sendMessage(chat.id, "", { attachments: [sent, kept] });
    assert.deepEqual(
      message.attachments.map(({ name }) => name),
      ["hello.txt", "mine.txt"],
    );
    await until("the key is gone", () => !held(sent.key));
    assert.ok(held("mine"));
  });

  test("three go at a time, and one that waits can be aborted", async () => {
    server.blobs.trouble = { stalls: true };
    const busy = await signedIn();
    const aborting = new AbortController();
    const upload = () => busy.uploadFile(new Blob(["x"]), { name: "x", signal: aborting.signal });
    const uploads = [1, 2, 3, 4, 5].map(upload);
    await until("three are there", () => server.blobs.given.length === 3);
    aborting.abort(new Error("no"));
    for (const one of uploads) await assert.rejects(one, /no/);
    assert.equal(server.blobs.given.length, 3);
    server.blobs.trouble = {};
    await busy.uploadFile(new Blob(["x"]));
    busy.close();
  });

  test("an upload that is broken off leaves nothing, also when it had come to its end", async () => {
    const aborting = new AbortController();
    const leaving = await signedIn({ timeoutMs: 30_003 });
    const late = holdTimers(10_001);
    server.blobs.trouble = { holdsAnswer: () => aborting.abort(new Error("no")) };
    const upload = leaving.uploadFile(new Blob(["x"]), { signal: aborting.signal });
    await assert.rejects(upload, /no/);
    await until("it is gone", () => server.blobs.blobs.size === 0);
    const put = calls().find((call) => call.startsWith("PUT"))!;
    const key = put.slice(put.indexOf("attachments/"));
    server.blobs.blobs.set(key, { bytes: Buffer.from("x"), contentType: "", metadata: {} });
    late.end();
    await until("it is gone, although it was stored late", () => server.blobs.blobs.size === 0);
    leaving.close();
  });

  test("in one chat nothing overtakes a message with attachments, nor is overtaken by it", () => {
    const file = { key: "k", name: "k" };
    const underWay = new Map<string, SendDone>();
    const lane = createLane({
      maxInFlight: () => 10,
      backoff: createBackoff({ minMs: 1, maxMs: 1 }, Math.random),
      send: (entry, done) => void underWay.set(entry.text, done),
      onSent: () => {},
      onFailed: () => {},
      onRoom: () => pump(),
    });
    const pump = () => {
      while (lane.canSend) lane.sendNext();
      return [...underWay.keys()];
    };
    const answer = (text: string) => {
      const done = underWay.get(text)!;
      underWay.delete(text);
      done(undefined, { text } as Message);
    };
    for (const text of ["1", "2", "3", "4", "5"])
      lane.push({ entry: { text, attachments: text === "3" ? [file] : [] } } as unknown as OutboxItem);
    assert.deepEqual(pump(), ["1", "2"]);
    answer("2");
    assert.deepEqual(pump(), ["1"]);
    answer("1");
    assert.deepEqual(pump(), ["3"]);
    answer("3");
    assert.deepEqual(pump(), ["4", "5"]);
  });

  test("addresses, and reads of them", async () => {
    const place = { id: "m1", chatId: "c1" };
    const url = client.attachmentUrl(place, { id: "a1" }, "thumbnail");
    assert.equal(url, `${server.url}/v2/chats/c1/messages/m1/attachments/a1/thumbnail`);
    server.blobs.trouble = { refusals: [{ status: 404, code: "attachment-not-found" }] };
    await assert.rejects(client.readAttachment(place, { id: "a1" }), { code: "attachment-not-found" });
    assert.deepEqual(calls(), ["GET /v2/chats/c1/messages/m1/attachments/a1"]);
  });

  test("a name that is too long keeps its end", () => {
    const name = shortened(`${"x".repeat(300)}.tar.gz`);
    assert.equal(Array.from(name).length, 255);
    assert.ok(name.endsWith(".tar.gz"));
    assert.equal(shortened("a.txt"), "a.txt");
  });
});
