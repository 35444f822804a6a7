/** Signed URLs as clients use them: with fetch, at a real server. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { bytesOf, collect, newObjectName, openTestS3Store } from "#test/object-stores.ts";
import { type S3Server, startS3Server, withoutS3 } from "#test/s3-server.ts";

const skip = withoutS3;
const server = skip ? (undefined as unknown as S3Server) : await startS3Server();
const store = skip ? undefined : openTestS3Store(server);
const bytes = await collect(bytesOf(500_000));
const sha256 = createHash("sha256").update(bytes).digest("hex");

/** fetch sets the length itself. */
async function upload(url: string, headers: Record<string, string>, body: Buffer) {
  const { "content-length": _, ...others } = headers;
  const answer = await fetch(url, { method: "PUT", headers: others, body: new Uint8Array(body) });
  return { status: answer.status, text: await answer.text() };
}

test("a client brings bytes by a signed URL, and takes them by another", { skip }, async () => {
  const direct = store!.direct!;
  const name = newObjectName();
  const { url, headers } = await direct.signUpload(name, { size: bytes.length, sha256 }, 60);
  const answer = await upload(url, headers, bytes);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(await store!.sizeOf(name), bytes.length);
  assert.equal(await direct.sha256Of(name), sha256);

  const answerAs = { contentType: "image/png", contentDisposition: "attachment; filename*=UTF-8''a%20b.png" };
  const download = await fetch(await direct.signDownload(name, answerAs, 60));
  assert.equal(download.status, 200);
  assert.equal(download.headers.get("content-type"), answerAs.contentType);
  assert.equal(download.headers.get("content-disposition"), answerAs.contentDisposition);
  assert.ok(Buffer.from(await download.arrayBuffer()).equals(bytes));
});

test("the URL takes no other bytes, and not more of them", { skip }, async () => {
  const direct = store!.direct!;
  const name = newObjectName();
  const { url, headers } = await direct.signUpload(name, { size: bytes.length, sha256 }, 60);
  const other = Buffer.from(bytes);
  other[7]! ^= 1;
  assert.equal((await upload(url, headers, other)).status, 400);
  const longer = Buffer.concat([bytes, bytes]);
  assert.ok((await upload(url, headers, longer)).status >= 400);
  const { "x-amz-checksum-sha256": _, ...unchecked } = headers;
  assert.ok((await upload(url, unchecked, other)).status >= 400);
  assert.equal(await store!.sizeOf(name), undefined);
});

test("the URL cannot replace what it has brought", { skip }, async () => {
  const direct = store!.direct!;
  const name = newObjectName();
  const { url, headers } = await direct.signUpload(name, { size: bytes.length, sha256 }, 60);
  assert.equal((await upload(url, headers, bytes)).status, 200);
  assert.equal((await upload(url, headers, bytes)).status, 412);
});

test("the URL ends", { skip }, async (t) => {
  const store = openTestS3Store(server);
  const name = newObjectName();
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() - 3_600_000 });
  const { url, headers } = await store.direct!.signUpload(name, { size: bytes.length, sha256 }, 60);
  t.mock.timers.reset();
  assert.equal((await upload(url, headers, bytes)).status, 403);
});

test("a machine whose clock is an hour off signs by that of the store", { skip }, async (t) => {
  const store = openTestS3Store(server);
  const name = newObjectName();
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 3_600_000 });
  await store.sizeOf(name);
  const { url, headers } = await store.direct!.signUpload(name, { size: bytes.length, sha256 }, 60);
  t.mock.timers.reset();
  const answer = await upload(url, headers, bytes);
  assert.equal(answer.status, 200, answer.text);
});

test("the digest of what is not there is not known", { skip }, async () => {
  assert.equal(await store!.direct!.sha256Of(newObjectName()), undefined);
});
