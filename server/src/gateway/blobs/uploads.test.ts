import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import { Upload } from "tus-js-client";
import { createFakeBlobService } from "#test/fake-blob-service.ts";
import { startGateway } from "#test/gateway.ts";
import { exchange, openRaw, requestHead } from "#test/raw-http.ts";
import { until } from "#test/until.ts";

const service = createFakeBlobService();
const config = { PARLEY_BLOB_MAX_BYTES: 50_000_000, PARLEY_ALLOWED_ORIGINS: ["https://app.example.org"] };
const gateway = await startGateway({ routes: service.routes, config });
const { httpPort, url } = gateway;
const authorization = `Bearer ${gateway.token}`;
const tus = { authorization, "tus-resumable": "1.0.0" };
const base64 = (text: string) => Buffer.from(text).toString("base64");
const metadataOf = (pairs: Record<string, string>) =>
  Object.entries(pairs)
    .map(([name, value]) => `${name} ${base64(value)}`)
    .join(",");

function call(line: string, headers: Record<string, string | number> = {}, body = "") {
  const length = body === "" ? {} : { "content-length": Buffer.byteLength(body) };
  return exchange(httpPort, requestHead(line, { ...tus, ...length, ...headers }), body);
}

async function createUpload(size: number, pairs: Record<string, string> = {}) {
  const given = metadataOf({ key: "up/one", ...pairs });
  const answer = await call("POST /v2/uploads", { "upload-length": size, "upload-metadata": given });
  assert.equal(answer.status, 201, answer.body);
  return { path: answer.headers.location!, given, answer };
}

const bytesType = { "content-type": "application/offset+octet-stream" };

test("an upload is created, asked for, appended to, and becomes a blob", async () => {
  const { path, given, answer } = await createUpload(10, { filename: "zoë.txt", filetype: "text/plain" });
  assert.match(path, /^\/v2\/uploads\/[0-9a-f-]{36}$/);
  assert.ok(Date.parse(answer.headers["upload-expires"]!) > Date.now());
  assert.equal(answer.headers["tus-resumable"], "1.0.0");
  const first = await call(`PATCH ${path}`, { "upload-offset": 0, ...bytesType }, "01234");
  assert.deepEqual([first.status, first.headers["upload-offset"]], [204, "5"]);
  assert.ok(Date.parse(first.headers["upload-expires"]!) > Date.now());
  const asked = await call(`HEAD ${path}`);
  const { "upload-offset": offset, "upload-length": length, "upload-metadata": metadata } = asked.headers;
  assert.deepEqual([asked.status, offset, length, metadata], [200, "5", "10", given]);
  assert.equal(asked.headers["cache-control"], "no-store");
  const last = await call(`PATCH ${path}`, { "upload-offset": 5, ...bytesType }, "56789");
  assert.deepEqual([last.status, last.headers["upload-offset"]], [204, "10"]);
  const blob = await fetch(`${url}/v2/blobs/up/one`, { headers: { authorization } });
  assert.equal(blob.headers.get("etag"), last.headers.etag);
  assert.equal(await blob.text(), "0123456789");
  assert.equal(
    blob.headers.get("content-disposition"),
    `inline; filename="zo_.txt"; filename*=UTF-8''zo%C3%AB.txt`,
  );
});

test("bytes may come with the creation, or the length only at the end", async () => {
  const given = { "upload-metadata": metadataOf({ key: "up/two" }) };
  const whole = await call("POST /v2/uploads", { ...given, "upload-length": 3, ...bytesType }, "abc");
  assert.deepEqual([whole.status, whole.headers["upload-offset"]], [201, "3"]);
  assert.match(whole.headers.etag!, /^"[0-9a-f]{64}"$/);
  assert.equal(service.blobs.get("up/two")?.bytes.toString(), "abc");
  const deferred = await call("POST /v2/uploads", { ...given, "upload-defer-length": 1 });
  const path = deferred.headers.location!;
  assert.equal((await call(`HEAD ${path}`)).headers["upload-defer-length"], "1");
  await call(`PATCH ${path}`, { "upload-offset": 0, ...bytesType }, "de");
  const end = { "upload-offset": 2, "upload-length": 3, ...bytesType };
  assert.equal((await call(`PATCH ${path}`, end, "f")).status, 204);
  assert.equal(service.blobs.get("up/two")?.bytes.toString(), "def");
});

test("refusals have tus's statuses and Parley's problems", async () => {
  const { path } = await createUpload(10);
  const metadata = { "upload-metadata": metadataOf({ key: "x" }) };
  const append = { "upload-offset": 0, ...bytesType };
  const cases: [string, Record<string, string | number>, string, number, string][] = [
    [`PATCH ${path}`, { ...append, "upload-offset": 3 }, "abc", 409, "upload-offset-mismatch"],
    [`PATCH ${path}`, { ...append, "content-type": "text/plain" }, "abc", 415, "unsupported-media-type"],
    [`PATCH ${path}`, bytesType, "abc", 400, "invalid-input"],
    [`PATCH ${path}`, { ...append, "upload-offset": "x" }, "abc", 400, "invalid-input"],
    [`PATCH ${path}`, append, "x".repeat(11), 413, "too-large"],
    [`PATCH ${path}`, { ...append, "tus-resumable": "0.2.2" }, "abc", 412, "precondition-failed"],
    [`PATCH /v2/uploads/${randomUUID()}`, append, "abc", 404, "upload-not-found"],
    ["PATCH /v2/uploads/nonsense", append, "abc", 404, "upload-not-found"],
    ["PATCH /v2/uploads/%00", append, "abc", 404, "upload-not-found"],
    [`DELETE /v2/uploads/${randomUUID()}`, {}, "", 404, "upload-not-found"],
    ["POST /v2/uploads", metadata, "", 400, "invalid-input"],
    ["POST /v2/uploads", { ...metadata, "upload-length": -1 }, "", 400, "invalid-input"],
    ["POST /v2/uploads", { ...metadata, "upload-length": 50_000_001 }, "", 413, "too-large"],
    ["POST /v2/uploads", { "upload-length": 1 }, "", 400, "invalid-input"],
    ["POST /v2/uploads", { "upload-length": 1, "upload-metadata": "key !" }, "", 400, "invalid-input"],
    ["POST /v2/uploads", { "upload-length": 1, "upload-metadata": "key /w==" }, "", 400, "invalid-input"],
    [
      "POST /v2/uploads",
      { "upload-length": 1, "upload-metadata": metadataOf({ key: "x".repeat(1_025) }) },
      "",
      400,
      "invalid-input",
    ],
    ["POST /v2/uploads", { ...metadata, authorization: "Bearer x" }, "", 401, "unauthenticated"],
    [`GET ${path}`, {}, "", 405, "method-not-allowed"],
    ["PUT /v2/uploads", {}, "", 405, "method-not-allowed"],
  ];
  for (const [line, headers, body, status, code] of cases) {
    const answer = await call(line, headers, body);
    const label = `${line} ${JSON.stringify(headers)} ${answer.body}`;
    assert.deepEqual([answer.status, JSON.parse(answer.body).code], [status, code], label);
  }
  const old = await call(`HEAD ${path}`, { "tus-resumable": "0.2.2" });
  assert.deepEqual([old.status, old.headers["tus-version"]], [412, "1.0.0"]);
});

test("a terminated upload is gone", async () => {
  const { path } = await createUpload(10);
  assert.equal((await call(`DELETE ${path}`)).status, 204);
  assert.equal((await call(`HEAD ${path}`)).status, 404);
});

test("what has come stays when the client goes away", async () => {
  const { path } = await createUpload(100);
  const connection = await openRaw(httpPort);
  connection.send(
    requestHead(`PATCH ${path}`, { ...tus, "upload-offset": 0, "content-length": 100, ...bytesType }),
  );
  connection.send("half of it");
  const upload = service.uploads.get(path.split("/").at(-1)!)!;
  // Nobody knows when the server has read it, so the client goes when it has been for certain.
  await new Promise<void>((resolve) => connection.socket.end(() => resolve()));
  await until("it is kept", () => upload.bytes.toString() === "half of it");
});

test("OPTIONS tells what there is, and pages of allowed origins may use it", async () => {
  const options = await call("OPTIONS /v2/uploads");
  assert.equal(options.status, 204);
  assert.equal(options.headers["tus-version"], "1.0.0");
  assert.equal(options.headers["tus-max-size"], "50000000");
  assert.match(options.headers["tus-extension"]!, /creation,creation-with-upload/);
  const origin = "https://app.example.org";
  const preflight = await fetch(`${url}/v2/uploads`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST" },
  });
  const allowed = preflight.headers.get("access-control-allow-headers")!;
  for (const name of [
    "Tus-Resumable",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "Authorization",
  ]) {
    assert.ok(allowed.includes(name), name);
  }
  assert.match(preflight.headers.get("access-control-allow-methods")!, /PATCH/);
  const { path } = await createUpload(10);
  const asked = await fetch(url + path, { method: "HEAD", headers: { ...tus, origin } });
  assert.equal(asked.headers.get("access-control-allow-origin"), origin);
  assert.match(asked.headers.get("access-control-expose-headers")!, /Upload-Offset/);
  const foreign = await fetch(url + path, {
    method: "HEAD",
    headers: { ...tus, origin: "https://evil.example" },
  });
  assert.equal(foreign.headers.get("access-control-allow-origin"), null);
});

test("tus-js-client uploads with interruptions, and goes on at another gateway", async () => {
  const other = await startGateway({ routes: service.routes, config });
  const bytes = randomBytes(5_000_000);
  const headers = { authorization };
  const metadata = { key: "up/large.bin", filename: "large.bin", filetype: "image/png" };
  const uploadUrl = await new Promise<string>((resolve, reject) => {
    const upload = new Upload(bytes, {
      endpoint: `${url}/v2/uploads`,
      headers,
      metadata,
      chunkSize: 1_000_000,
      retryDelays: null,
      onError: reject,
      onChunkComplete(_size, accepted) {
        if (accepted >= 2_000_000) upload.abort().then(() => resolve(upload.url!), reject);
      },
    });
    upload.start();
  });
  const resumedAt = uploadUrl.replace(url, other.url);
  const otherHeaders = { authorization: `Bearer ${other.token}` };
  await new Promise<void>((resolve, reject) => {
    const upload = new Upload(bytes, {
      endpoint: `${other.url}/v2/uploads`,
      uploadUrl: resumedAt,
      headers: otherHeaders,
      chunkSize: 1_500_000,
      retryDelays: [0, 10],
      onError: reject,
      onSuccess: () => resolve(),
    });
    upload.start();
  });
  assert.ok(service.blobs.get("up/large.bin")?.bytes.equals(bytes));
});
