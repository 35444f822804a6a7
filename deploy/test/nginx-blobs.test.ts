/** The shipped nginx configuration with blobs: bodies go through as they come, and nothing is written twice. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, type RequestListener, request } from "node:http";
import type { Writable } from "node:stream";
import { test } from "node:test";
import { startNginx, startUpstream } from "./nginx-server.ts";
import { eventually, freePorts } from "./ports.ts";
import { without } from "./tools.ts";

const skip = without("nginx");
const megabyte = Buffer.alloc(1_048_576, 7);
const megabytes = 200;

async function behindNginx(...handlers: RequestListener[]) {
  const ports = await Promise.all(handlers.map(startUpstream));
  return startNginx(ports, ports);
}

/** With the path letter by letter, which fetch would tidy up. */
function open(edge: { url: string }, method: string, path: string, headers = {}): ClientRequest {
  const { hostname, port } = new URL(edge.url);
  return request({ hostname, port, method, path, headers, agent: false });
}

async function answerOf(sent: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  return answer;
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) text += chunk;
  return text;
}

/** Ends early when the other side has gone. */
async function write(to: Writable, count: number) {
  const gone = once(to, "close").catch(() => {});
  for (let i = 0; i < count && !to.destroyed; i++) {
    if (!to.write(megabyte)) await Promise.race([once(to, "drain"), gone]);
  }
}

test("an upload of 200 MB reaches the gateway as it comes, and leaves no file behind", { skip }, async () => {
  let received = 0;
  const edge = await behindNginx(async (incoming, response) => {
    for await (const chunk of incoming) received += chunk.length;
    response.end(String(received));
  });
  const size = { "content-length": megabytes * megabyte.length };
  for (const headers of [size, { "transfer-encoding": "chunked" }]) {
    received = 0;
    const upload = open(edge, "PUT", "/v2/blobs/film.mp4", headers);
    await write(upload, 1);
    await eventually(
      "the first bytes, before the last are sent",
      async () => received === megabyte.length || undefined,
    );
    await write(upload, megabytes - 2);
    await eventually(
      "all that was sent",
      async () => received === (megabytes - 1) * megabyte.length || undefined,
    );
    assert.deepEqual(edge.temporaryFiles(), []);
    upload.end(megabyte);
    assert.equal(await textOf(await answerOf(upload)), String(megabytes * megabyte.length));
  }
});

test("a download of 200 MB reaches the client as it comes, and leaves no file behind", { skip }, async () => {
  let goOn = () => {};
  const begun = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const edge = await behindNginx(async (incoming, response) => {
    if (incoming.method !== "GET" || incoming.url === "/") return void response.end();
    response.writeHead(200, { "content-length": megabytes * megabyte.length });
    await write(response, 1);
    await begun;
    await write(response, megabytes - 1);
    response.end();
  });
  const download = open(edge, "GET", "/v2/blobs/film.mp4").end();
  let received = 0;
  let isHalfway = false;
  for await (const chunk of await answerOf(download)) {
    received += chunk.length;
    if (received === megabyte.length) goOn();
    if (isHalfway || received < 100 * megabyte.length) continue;
    isHalfway = true;
    assert.deepEqual(edge.temporaryFiles(), []);
  }
  assert.equal(received, megabytes * megabyte.length);
});

test("a refusal reaches a client that is still sending", { skip }, async () => {
  const edge = await behindNginx((incoming, response) => {
    // As a gateway does it: it closes its own side, and the connection only after a while.
    const { socket } = incoming;
    socket.destroySoon = () => {
      setTimeout(() => socket.destroy(), 1_000).unref();
      socket.end();
    };
    response.writeHead(413, { "content-type": "application/problem+json", connection: "close" });
    response.end('{"code":"too-large"}');
  });
  for (let i = 0; i < 5; i++) {
    const upload = open(edge, "PUT", "/v2/blobs/large", { "content-length": 5_000 * megabyte.length });
    upload.on("error", () => {});
    void write(upload, megabytes);
    const answer = await answerOf(upload);
    assert.equal(answer.statusCode, 413);
    assert.equal(await textOf(answer), '{"code":"too-large"}');
    assert.deepEqual(edge.temporaryFiles(), []);
    upload.destroy();
  }
});

test("nginx itself says 100 Continue, and the gateway is not asked to", { skip }, async () => {
  let expected: string | undefined = "not called";
  const edge = await behindNginx((incoming, response) => {
    if (incoming.method === "PUT") expected = incoming.headers.expect;
    incoming.resume().on("end", () => response.end("stored"));
  });
  const upload = open(edge, "PUT", "/v2/blobs/a", { expect: "100-continue", "content-length": 3 });
  upload.flushHeaders();
  await once(upload, "continue");
  upload.end("abc");
  assert.equal(await textOf(await answerOf(upload)), "stored");
  assert.equal(expected, undefined);
});

test("what a gateway has seen of a put, a delete or a refresh is not repeated at another one", {
  skip,
}, async () => {
  const calls: string[] = [];
  const losing: RequestListener = (incoming, response) => {
    if (incoming.url === "/") return void response.end();
    calls.push(`${incoming.method} ${incoming.url}`);
    incoming.socket.destroy();
  };
  for (const [method, path, body] of [
    ["PUT", "/v2/blobs/a/b", "small"],
    ["DELETE", "/v2/blobs/a/b", undefined],
    ["PUT", "/auth/token", "{}"],
  ] as const) {
    const edge = await behindNginx(losing, losing);
    calls.length = 0;
    const headers = { "if-match": '"x"', "content-length": body?.length ?? 0 };
    const answer = await answerOf(open(edge, method, path, headers).end(body));
    assert.equal(answer.statusCode, 503);
    assert.equal(answer.headers["retry-after"], "2");
    assert.equal(JSON.parse(await textOf(answer)).code, "unavailable");
    assert.deepEqual(calls, [`${method} ${path}`]);
  }
});

test("a read of a blob, and what is no blob, goes to the next gateway", { skip }, async () => {
  const living: RequestListener = (_, response) => void response.end("here");
  const [gone] = await freePorts(1);
  for (const [method, path] of [
    ["GET", "/v2/blobs/a"],
    ["PUT", "/v2/chats/1/read"],
  ] as const) {
    const lost: string[] = [];
    const dying = await startUpstream((incoming) => {
      lost.push(`${incoming.method} ${incoming.url}`);
      incoming.socket.destroy();
    });
    const ports = [gone!, dying, await startUpstream(living)];
    const edge = await startNginx(ports, ports);
    for (let i = 0; i < 4; i++) {
      const answer = await answerOf(open(edge, method, path, { "content-length": 0 }).end());
      assert.equal(answer.statusCode, 200);
      assert.equal(await textOf(answer), "here");
    }
  }
});

test("keys arrive letter by letter, and never in a log", { skip }, async () => {
  const seen: string[] = [];
  const edge = await behindNginx((incoming, response) => {
    seen.push(`${incoming.method} ${incoming.url}`);
    incoming.resume().on("end", () => response.end());
  });
  const keys = [
    "a%2Fsecret",
    "secret//x/",
    "x/../secret",
    "../../secret",
    "%2e%2e%2fsecret",
    "secret%20%C3%A9%25?download",
  ];
  for (const key of keys) {
    for (const method of ["PUT", "GET", "DELETE"]) {
      const path = `/v2/blobs/${key}`;
      const answer = await answerOf(open(edge, method, path, { "content-length": 0 }).end());
      assert.equal(answer.statusCode, 200, `${method} ${path}`);
      assert.equal(seen.pop(), `${method} ${path}`);
    }
  }
  for (const key of ["secret", "a%2Fsecret", "x/../secret"]) {
    await answerOf(open(edge, "GET", `/get/${key}`).end());
    assert.equal(seen.pop(), `GET /get/${key}`);
  }
  // As docs/deployment.md says: nginx lets through neither a NUL nor what climbs above the root.
  for (const key of ["a%00b", "../../../secret"]) {
    const answer = await answerOf(open(edge, "GET", `/v2/blobs/${key}`).end());
    assert.equal(answer.statusCode, 400, key);
  }
  // Not even by who spells the rest of the path differently.
  await answerOf(open(edge, "GET", "/v2/%62lobs/secret").end());
  await answerOf(open(edge, "GET", "/v2/last").end());
  await eventually("the access log", async () => edge.accessLog().includes('"/v2/last"') || undefined);
  assert.doesNotMatch(edge.accessLog(), /secret/);
  assert.match(edge.accessLog(), /"path":"\/v2\/blobs\/\{key\}"/);
  assert.match(edge.accessLog(), /"path":"\/get\/\{key\}"/);
});
