import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeBlobService } from "#test/fake-blob-service.ts";
import { chatId, startGateway } from "#test/gateway.ts";
import { exchange, requestHead } from "#test/raw-http.ts";

const service = createFakeBlobService();
const gateway = await startGateway({ routes: service.routes });
const authorization = `Bearer ${gateway.token}`;
const attachmentId = "0b0b7e6e-0000-4000-8000-00000000a77a";
const path = `/v2/chats/${chatId}/messages/message-1/attachments/${attachmentId}`;
const etag = '"0123"';
const { objectId } = service.keep("x", Buffer.from("0123456789"), "", {});
const attachment = { objectId, etag, name: 'su"mmer\r\n/☀\u202egpj.jpg', contentType: "image/jpeg" };

const get = (target = path, headers: Record<string, string> = {}, method = "GET") =>
  exchange(gateway.httpPort, requestHead(`${method} ${target}`, { authorization, ...headers }));

test("an attachment is served as blobs are, as long as the messenger finds it", async () => {
  service.state.attachment = attachment;
  const answer = await get();
  assert.deepEqual([answer.status, answer.body], [200, "0123456789"]);
  assert.equal(answer.headers["content-type"], "image/jpeg");
  assert.equal(answer.headers["cache-control"], "private, max-age=0, must-revalidate");
  assert.equal(answer.headers["x-content-type-options"], "nosniff");
  assert.equal(
    answer.headers["content-disposition"],
    `inline; filename="su_mmer_____gpj.jpg"; filename*=UTF-8''su%22mmer___%E2%98%80_gpj.jpg`,
  );
  assert.equal((await get(path, { "if-none-match": etag })).status, 304);
  assert.equal((await get(path, { range: "bytes=1-2" })).body, "12");
  assert.equal((await get(path, {}, "HEAD")).headers["content-length"], "10");
  const thumbnail = await get(`${path}/thumbnail`);
  assert.deepEqual([thumbnail.status, thumbnail.body], [200, "0123456789"]);
  service.state.attachment = undefined;
  for (const target of [path, `${path}/thumbnail`]) {
    const gone = await get(target, { "if-none-match": etag });
    assert.deepEqual([gone.status, JSON.parse(gone.body).code], [404, "attachment-not-found"]);
  }
});

test("ids that are none, strangers and other methods are refused", async () => {
  service.state.attachment = attachment;
  for (const target of [
    path.replace(chatId, "nonsense"),
    path.replace(attachmentId, "1"),
    path.replace("message-1", "x".repeat(65)),
    path.replace("message-1", "%00"),
    `${path}?nonsense`,
  ]) {
    const answer = await get(target);
    assert.deepEqual([answer.status, JSON.parse(answer.body).code], [400, "invalid-input"], target);
  }
  assert.equal((await exchange(gateway.httpPort, requestHead(`GET ${path}`, {}))).status, 401);
  const other = await get(path, {}, "DELETE");
  assert.deepEqual([other.status, other.headers.allow], [405, "GET, HEAD, OPTIONS"]);
});
