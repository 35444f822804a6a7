import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { runHttpLoad } from "./http-load.ts";

async function startServer(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.dispose]: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const options = {
  host: "127.0.0.1",
  requests: [{ path: "/a?b=1", headers: { authorization: "Bearer x" } }],
  connections: 4,
  warmupMs: 50,
  windowMs: 2_000,
  seed: 1,
};

test("a closed loop counts whole answers, also those that come in pieces", async () => {
  const body = "x".repeat(200_000);
  let requests = 0;
  using server = await startServer((request, response) => {
    requests++;
    assert.equal(request.url, "/a?b=1");
    assert.equal(request.headers.authorization, "Bearer x");
    response.setHeader("content-length", body.length).write(body.slice(0, 70_000));
    setImmediate(() => response.end(body.slice(70_000)));
  });
  const result = await runHttpLoad({ ...options, port: server.port });
  assert.ok(result.responses > 0 && result.responses <= requests);
  assert.equal(result.meanBodyBytes, body.length);
  assert.equal(result.responsesPerSecond, result.responses / 2);
});

test("in an open loop the wait for a free connection counts", async () => {
  const answerAfterMs = 50;
  using server = await startServer((_request, response) => {
    setTimeout(() => response.setHeader("content-length", 2).end("ok"), answerAfterMs);
  });
  const run = { ...options, port: server.port, connections: 1, requestsPerSecond: 100 };
  const { latency } = await runHttpLoad(run);
  assert.ok(latency.p50Ms > 2 * answerAfterMs, `${latency.p50Ms}`);
});

test("an answer other than 200 ends the run, and names its status", async () => {
  using server = await startServer((_request, response) => {
    response.writeHead(401).end();
  });
  const run = { ...options, windowMs: 60_000, port: server.port };
  await assert.rejects(runHttpLoad(run), /401/);
  await assert.rejects(runHttpLoad({ ...run, requestsPerSecond: 100 }), /401/);
});
