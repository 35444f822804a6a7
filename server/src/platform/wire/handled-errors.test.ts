import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Http2SessionManager } from "@connectrpc/connect-node";
import { withHandledErrors } from "#platform/wire/handled-errors.ts";

test("a connection that breaks after the manager has let go of it does not end the process", async (t) => {
  const server = createServer((_, response) => response.end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  const inner = new Http2SessionManager(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => {
    inner.abort();
    server.close();
  });
  const sessions = withHandledErrors(inner);
  const stream = await sessions.request("GET", "/", {}, {});
  stream.on("error", () => {}).resume();
  const broken = stream.session as ClientHttp2Session;
  broken.destroy(new Error("a ping was not answered"));
  const closed = new Promise((resolve) => broken.once("close", resolve));
  const next = await sessions.request("GET", "/", {}, {});
  next.on("error", () => {}).resume();
  await closed;
  assert.notEqual(next.session, broken);
});
