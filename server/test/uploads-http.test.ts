/** Resumable uploads on the real service, by a client of tus, with trouble on the way. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Upload } from "tus-js-client";
import { startParley, startPod } from "#test/parley.ts";
import { createAccount } from "#test/people.ts";
import { openRaw, requestHead } from "#test/raw-http.ts";
import { until } from "#test/until.ts";

const parley = await startParley();
const { token } = await createAccount(parley.url, "Uploader");
const authorization = `Bearer ${token}`;
const headers = { authorization, "tus-resumable": "1.0.0" };
const bytes = randomBytes(6_000_000);

const offsetAt = async (url: string) =>
  Number((await fetch(url, { method: "HEAD", headers })).headers.get("upload-offset"));

test("an upload that breaks in mid-chunk goes on where it stood, and becomes the blob", async () => {
  const key = Buffer.from("films/one.mp4").toString("base64");
  const type = Buffer.from("video/mp4").toString("base64");
  const created = await fetch(`${parley.url}/v2/uploads`, {
    method: "POST",
    headers: {
      ...headers,
      "upload-length": String(bytes.length),
      "upload-metadata": `key ${key},filetype ${type}`,
    },
  });
  assert.equal(created.status, 201, await created.clone().text());
  const path = created.headers.get("location")!;
  const connection = await openRaw(Number(new URL(parley.url).port));
  const append = { "upload-offset": 0, "content-length": bytes.length };
  const contentType = { "content-type": "application/offset+octet-stream" };
  connection.send(requestHead(`PATCH ${path}`, { ...headers, ...append, ...contentType }));
  connection.socket.write(bytes.subarray(0, 2_000_000), () => connection.socket.end());
  // All but what was still on its way within the gateway.
  await until("what came is kept", async () => (await offsetAt(parley.url + path)) > 1_000_000);
  await new Promise<void>((resolve, reject) => {
    const upload = new Upload(bytes, {
      endpoint: `${parley.url}/v2/uploads`,
      uploadUrl: parley.url + path,
      headers: { authorization },
      chunkSize: 1_500_000,
      retryDelays: [0, 10, 100],
      onError: reject,
      onSuccess: () => resolve(),
    });
    upload.start();
  });
  const blob = await fetch(`${parley.url}/v2/blobs/films/one.mp4`, { headers: { authorization } });
  assert.equal(blob.headers.get("content-type"), "video/mp4");
  assert.ok(Buffer.from(await blob.arrayBuffer()).equals(bytes));
});

test("another pod takes the next bytes, and nobody else any", async () => {
  const other = await startPod(parley.environment);
  const otherUrl = `http://127.0.0.1:${other.httpPort}`;
  const key = Buffer.from("two").toString("base64");
  const created = await fetch(`${parley.url}/v2/uploads`, {
    method: "POST",
    headers: { ...headers, "upload-length": "10", "upload-metadata": `key ${key}` },
  });
  const path = created.headers.get("location")!;
  const patch = (url: string, offset: number, body: string, by = headers) =>
    fetch(url + path, {
      method: "PATCH",
      headers: { ...by, "upload-offset": String(offset), "content-type": "application/offset+octet-stream" },
      body,
    });
  assert.equal((await patch(parley.url, 0, "01234")).status, 204);
  const stranger = await createAccount(parley.url, "Stranger");
  const theirs = { ...headers, authorization: `Bearer ${stranger.token}` };
  assert.equal((await patch(otherUrl, 5, "xxxxx", theirs)).status, 404);
  assert.equal((await patch(otherUrl, 4, "xxxxx")).status, 409);
  const last = await patch(otherUrl, 5, "56789");
  assert.deepEqual([last.status, last.headers.get("upload-offset")], [204, "10"]);
  const blob = await fetch(`${parley.url}/v2/blobs/two`, { headers: { authorization } });
  assert.equal(await blob.text(), "0123456789");
  assert.equal(blob.headers.get("etag"), last.headers.get("etag"));
});
