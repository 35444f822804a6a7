import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { watchRoutes } from "./route-watch.ts";

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

const route = (name: string) => ({
  name,
  requests: [{ path: `/${name}`, headers: {} }],
  requestsPerSecond: 50,
});

const refuse: RequestListener = (_request, response) => {
  const body = JSON.stringify({ status: 503, code: "circuit-open" });
  response.writeHead(503, { "content-length": body.length }).end(body);
};

test("outcomes are told apart, and one route that hangs does not hold up another", async () => {
  using server = await startServer((request, response) => {
    if (request.url === "/good") response.writeHead(200, { "content-length": 2 }).end("ok");
    else if (request.url === "/refused") refuse(request, response);
  });
  const { routes, unanswered, isDone } = await watchRoutes({
    host: "127.0.0.1",
    port: server.port,
    routes: [route("good"), route("refused"), route("hung")],
    durationMs: 60_000,
    seed: 1,
    until: { route: "refused", outcome: "503 circuit-open", count: 50 },
  });
  assert.ok(isDone);
  assert.ok(routes.good!["200"]!.latency.count > 5);
  assert.ok(routes.refused!["503 circuit-open"]!.latency.count >= 50);
  assert.equal(routes.hung, undefined);
  assert.ok(unanswered.hung! > 5 && unanswered.good! < unanswered.hung!);
});

test("a server that goes away is an outcome as well", async () => {
  using server = await startServer((request) => request.socket.destroy());
  const { routes, isDone } = await watchRoutes({
    host: "127.0.0.1",
    port: server.port,
    routes: [route("gone")],
    durationMs: 2_000,
    seed: 1,
  });
  assert.equal(isDone, false);
  assert.deepEqual(Object.keys(routes.gone!), ["no answer"]);
});
