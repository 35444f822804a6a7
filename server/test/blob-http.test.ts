/** Blobs over HTTP, on the real service: what is written is what is read, by its owner alone. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { findChromium, launchChromium } from "#test/chromium.ts";
import { startParley } from "#test/parley.ts";
import { createAccount, signIn } from "#test/people.ts";
import { openRaw, requestHead } from "#test/raw-http.ts";
import { until } from "#test/until.ts";

const parley = await startParley({ PARLEY_BLOB_MAX_BYTES: "20000000", PARLEY_BLOB_QUOTA_BYTES: "60000000" });
const account = await createAccount(parley.url, "Owner");
const { token } = await signIn(parley.url, account.email);
const authorization = `Bearer ${token}`;
const port = Number(new URL(parley.url).port);

function call(method: string, path: string, headers: Record<string, string> = {}, body?: BodyInit) {
  return fetch(parley.url + path, {
    method,
    headers: { authorization, ...headers },
    ...(body === undefined ? {} : { body }),
  });
}

async function codeOf(answer: Response) {
  return [answer.status, ((await answer.json()) as { code: string }).code];
}

test("bytes come back as they were, whole and in parts, with what was said of them", async () => {
  const bytes = randomBytes(3_000_000);
  const hash = createHash("sha256").update(bytes).digest();
  const put = await call(
    "PUT",
    "/v2/blobs/pictures/summer%20day.png",
    {
      "content-type": "image/png",
      "parley-meta-place": "lake",
      "content-digest": `sha-256=:${hash.toString("base64")}:`,
    },
    bytes,
  );
  assert.equal(put.status, 201, await put.clone().text());
  assert.equal(put.headers.get("etag"), `"${hash.toString("hex")}"`);
  const location = put.headers.get("location")!;
  const whole = await call("GET", location);
  assert.ok(Buffer.from(await whole.arrayBuffer()).equals(bytes));
  assert.equal(whole.headers.get("content-type"), "image/png");
  assert.equal(whole.headers.get("parley-meta-place"), "lake");
  const part = await call("GET", location, { range: "bytes=1000000-1000999" });
  assert.equal(part.status, 206);
  assert.ok(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(1_000_000, 1_001_000)));
  assert.equal((await call("GET", location, { "if-none-match": put.headers.get("etag")! })).status, 304);
  const list = await (await call("GET", "/v2/blobs?prefix=pictures/")).json();
  assert.deepEqual(
    list.blobs.map((blob: { key: string }) => blob.key),
    ["pictures/summer day.png"],
  );
});

test("who reads slowly, or many parts, gets the bytes of nobody else", async () => {
  const blobs = [randomBytes(6_000_000), randomBytes(6_000_000)];
  for (const [nth, bytes] of blobs.entries())
    assert.equal((await call("PUT", `/v2/blobs/slow/${nth}`, {}, bytes)).status, 201);
  const read = async (nth: number) =>
    Buffer.from(await (await call("GET", `/v2/blobs/slow/${nth}`)).arrayBuffer());
  const headers = { authorization, connection: "close" };
  const slow = await openRaw(port);
  slow.socket.pause();
  slow.send(requestHead("GET /v2/blobs/slow/0", headers));
  const gone = await openRaw(port);
  gone.send(requestHead("GET /v2/blobs/slow/0", headers));
  await once(gone.socket, "data");
  gone.socket.destroy();
  for (let round = 0; round < 3; round++) {
    const others = await Promise.all([read(1), read(0), read(1)]);
    assert.ok([1, 0, 1].every((nth, at) => others[at]!.equals(blobs[nth]!)));
  }
  slow.socket.resume();
  await slow.closed();
  assert.ok(Buffer.from(slow.received().slice(-6_000_000), "latin1").equals(blobs[0]!));
  const range = "bytes=0-1999999,3000000-5999999";
  const parts = Buffer.from(await (await call("GET", "/v2/blobs/slow/1", { range })).arrayBuffer());
  for (const [from, to] of [
    [0, 2_000_000],
    [3_000_000, 6_000_000],
  ])
    assert.ok(parts.includes(blobs[1]!.subarray(from, to)));
  for (const nth of blobs.keys()) await call("DELETE", `/v2/blobs/slow/${nth}`);
});

test("conditions are kept to, and a broken put changes nothing", async () => {
  const path = "/v2/blobs/counter";
  const first = await call("PUT", path, { "if-none-match": "*" }, "1");
  const etag = first.headers.get("etag")!;
  assert.deepEqual(await codeOf(await call("PUT", path, { "if-none-match": "*" }, "2")), [
    412,
    "precondition-failed",
  ]);
  const wrong = { "content-digest": `sha-256=:${Buffer.alloc(32).toString("base64")}:` };
  assert.deepEqual(await codeOf(await call("PUT", path, wrong, "2")), [400, "digest-mismatch"]);
  const connection = await openRaw(port);
  connection.send(requestHead(`PUT ${path}`, { authorization, "content-length": 10 }));
  connection.send("2");
  connection.socket.end();
  await connection.closed();
  assert.equal(await (await call("GET", path)).text(), "1");
  assert.equal((await call("PUT", path, { "if-match": etag }, "2")).status, 200);
  assert.equal((await call("DELETE", path, { "if-match": etag })).status, 412);
  assert.equal((await call("DELETE", path)).status, 204);
  assert.deepEqual(await codeOf(await call("GET", path)), [404, "blob-not-found"]);
});

test("another's key does not exist", async () => {
  const other = await createAccount(parley.url, "Other");
  const { token: othersToken } = await signIn(parley.url, other.email);
  await call("PUT", "/v2/blobs/mine", {}, "mine");
  const headers = { authorization: `Bearer ${othersToken}` };
  assert.deepEqual(await codeOf(await fetch(`${parley.url}/v2/blobs/mine`, { headers })), [
    404,
    "blob-not-found",
  ]);
  const created = await fetch(`${parley.url}/v2/blobs/mine`, { method: "PUT", headers, body: "theirs" });
  assert.equal(created.status, 201);
  assert.equal(await (await call("GET", "/v2/blobs/mine")).text(), "mine");
});

test("any characters make a key, and limits are told before the bytes are read", async () => {
  for (const [path, key] of [
    ["%2e%2e%2f%00//", "../\0//"],
    ["%F0%9F%98%80", "😀"],
  ] as const) {
    const connection = await openRaw(port);
    const headers = { authorization, "content-length": 1, connection: "close" };
    connection.send(requestHead(`PUT /v2/blobs/${path}`, headers));
    connection.send("x");
    await connection.closed();
    const answer = Buffer.from(connection.received(), "latin1").toString();
    assert.match(answer, /^HTTP\/1.1 201 /, answer);
    assert.equal(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))).key, key);
  }
  for (const [size, code] of [
    [5_368_709_120, "too-large"],
    [20_000_001, "too-large"],
  ] as const) {
    const connection = await openRaw(port);
    connection.send(
      requestHead("PUT /v2/blobs/big", { authorization, "content-length": size, expect: "100-continue" }),
    );
    const text = await connection.receive(/\}/);
    assert.match(text, /^HTTP\/1.1 413 /);
    assert.match(text, new RegExp(`"code":"${code}"`));
  }
  const chunked = new ReadableStream({
    start(controller) {
      for (let i = 0; i < 21; i += 1) controller.enqueue(new Uint8Array(1_000_000));
      controller.close();
    },
  });
  const init = { method: "PUT", headers: { authorization }, body: chunked, duplex: "half" } as RequestInit;
  // The connection ends while bytes are on their way, which may take the answer with it, or its end.
  const endless = await fetch(`${parley.url}/v2/blobs/big`, init).catch(() => undefined);
  if (endless) {
    assert.equal(endless.status, 413);
    const code = await codeOf(endless).catch(() => [413, "too-large"]);
    assert.deepEqual(code, [413, "too-large"]);
  }
  assert.equal((await call("GET", "/v2/blobs/big")).status, 404);
});

const chromium = findChromium();

test("no browser runs what was uploaded", { skip: chromium ? false : "needs Chromium" }, async () => {
  const script = `fetch("/v2/users/me"); document.title = "run"; document.documentElement.id = "run";`;
  const uploads: [string, string, string][] = [
    ["evil.html", "text/html", `<title>still</title><script>${script}</script>`],
    ["evil.svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg"><script>${script}</script></svg>`],
    ["evil.txt", "text/plain", `<title>still</title><script>${script}</script>`],
    ["evil.png", "image/png", `<html><script>${script}</script></html>`],
    ["evil", "", `<html><script>${script}</script></html>`],
  ];
  for (const [key, type, body] of uploads) {
    await call("PUT", `/v2/blobs/${key}`, type ? { "content-type": type } : {}, Buffer.from(body));
  }
  const browser = await launchChromium(chromium!);
  try {
    const context = await browser.newContext({ acceptDownloads: true });
    await context.addCookies([
      { name: "parley_access", value: token, url: parley.url, httpOnly: true, sameSite: "Strict" },
    ]);
    const page = await context.newPage();
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    const downloads: string[] = [];
    page.on("download", (download) => downloads.push(download.suggestedFilename()));
    for (const [key] of uploads) {
      await page.goto(`${parley.url}/v2/blobs/${key}`).catch((error: Error) => {
        assert.match(error.message, /Download is starting|ERR_ABORTED/);
      });
      assert.notEqual(await page.title(), "run", key);
    }
    assert.ok(!asked.includes("/v2/users/me"), asked.join());
    const expected = ["evil", "evil.html", "evil.svg"];
    await until(
      () => `downloads, of which there are ${downloads}`,
      () => downloads.toSorted().join() === expected.join(),
    );
  } finally {
    await browser.close();
  }
});
