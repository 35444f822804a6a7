/** The shipped nginx configuration: what it passes on, and what it does when gateways die. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { UserService } from "@parley/api/v2/user";
import { createTestDatabase } from "../../server/test/database.ts";
import { spawnParley } from "../../server/test/parley-process.ts";
import { newPerson } from "../../server/test/people.ts";
import { SocketClient } from "../../server/test/socket-client.ts";
import { startNginx, startUpstream, writeNginxConfig } from "./nginx-server.ts";
import { eventually, freePorts } from "./ports.ts";
import { run } from "./run.ts";
import { findTool, without } from "./tools.ts";

const skip = without("nginx");

test("nginx accepts the configuration", { skip }, async () => {
  const config = writeNginxConfig({
    httpPort: 18_080,
    grpcPort: 19_090,
    gatewayHttpPorts: [1, 2],
    gatewayGrpcPorts: [3, 4],
  });
  // Into a file: nginx cannot open a pipe of Node's as /dev/stdout.
  const command = `exec ${findTool("nginx")} -t -c ${config} > ${config}.log 2>&1`;
  const { code } = await run("sh", ["-c", command]);
  const output = readFileSync(`${config}.log`, "utf8");
  assert.equal(code, 0, output);
  assert.doesNotMatch(output, /\[(warn|error|emerg)\] (?!.*"user" directive)/, output);
});

test("a call through nginx reaches a living gateway, whichever transport it takes", { skip }, async (t) => {
  const { url: DATABASE_URL } = await createTestDatabase();
  const PARLEY_SECRET_KEY = randomBytes(32).toString("base64");
  const ports = await freePorts(4);
  const start = (http: number, grpc: number) =>
    spawnParley({
      DATABASE_URL,
      PARLEY_SECRET_KEY,
      PARLEY_PORT: String(http),
      PARLEY_GRPC_PORT: String(grpc),
    });
  const gateways = await Promise.all([start(ports[0]!, ports[1]!), start(ports[2]!, ports[3]!)]);
  const edge = await startNginx([ports[0]!, ports[2]!], [ports[1]!, ports[3]!]);
  const alice = await newPerson(edge.url, "Alice");
  const chat = await alice.client.createChat({ kind: "group", title: "Behind nginx", memberIds: [] });
  const { accessToken } = (await (
    await fetch(`${edge.url}/v2/auth/sign-in`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: alice.email, password: "correct horse battery" }),
    })
  ).json()) as { accessToken: string };
  const users = createClient(UserService, createGrpcTransport({ baseUrl: edge.grpcUrl }));
  const overGrpc = () =>
    users.getMe({}, { headers: { authorization: `Bearer ${accessToken}` }, timeoutMs: 5_000 });
  const overRest = () =>
    fetch(`${edge.url}/v2/users/me`, { headers: { authorization: `Bearer ${accessToken}` } });

  const overSocket = async () => {
    const socket = await SocketClient.open(`${edge.url.replace("http", "ws")}/v2/ws`, accessToken);
    const me = await socket.call("UserService/GetMe");
    assert.equal(me.user?.id, alice.id);
  };

  await t.test("REST, gRPC and WebSocket pass", async () => {
    assert.equal((await overRest()).status, 200);
    assert.equal((await overGrpc()).user?.id, alice.id);
    await overSocket();
  });

  await t.test("a gateway that was killed is skipped, and nobody notices", async () => {
    await gateways[0]!.end("SIGKILL");
    for (let i = 0; i < 10; i++) {
      assert.equal((await overRest()).status, 200);
      assert.equal((await overGrpc()).user?.id, alice.id);
    }
    await overSocket();
    assert.ok((await alice.client.sendMessage(chat.id!, "still here")).seq);
  });

  await t.test("without any gateway, the answers are coded", async () => {
    await gateways[1]!.end("SIGKILL");
    const answer = await eventually("503", async () => {
      const got = await overRest();
      return got.status === 503 ? got : undefined;
    });
    assert.match(answer.headers.get("content-type") ?? "", /application\/problem\+json/);
    assert.equal(answer.headers.get("retry-after"), "2");
    assert.equal(((await answer.json()) as { code: string }).code, "unavailable");
    await assert.rejects(overGrpc(), (error) => ConnectError.from(error).code === Code.Unavailable);
  });
});

test("nginx says who calls, repeats only what changes nothing, and logs no query", { skip }, async () => {
  const seen: IncomingMessage[] = [];
  let lost = 0;
  const dying = await startUpstream((request) => {
    lost += 1;
    request.socket.destroy();
  });
  const living = await startUpstream((request, response) => {
    seen.push(request);
    response.end("ok");
  });
  const edge = await startNginx([dying, living], [dying, living]);

  seen.length = 0;
  for (let i = 0; i < 4; i++) {
    assert.equal(
      (await fetch(`${edge.url}/path?secret=hush`)).status,
      200,
      "a lost GET goes to the next one",
    );
  }
  const { headers } = seen[0]!;
  assert.equal(headers["x-forwarded-for"], "127.0.0.1");
  assert.equal(headers["x-forwarded-proto"], "http");
  assert.equal(headers.host, new URL(edge.url).host);
  assert.equal(headers.upgrade, undefined);
  await eventually("the access log", async () => (edge.accessLog().includes('"/path"') ? true : undefined));
  assert.doesNotMatch(edge.accessLog(), /hush/);

  // Once ten seconds are over in which it is left alone, the dying one is tried again: at most once by each worker.
  seen.length = 0;
  lost = 0;
  const posts = await Promise.all(
    Array.from({ length: 20 }, () => fetch(`${edge.url}/post`, { method: "POST", body: "{}" })),
  );
  const answered = posts.filter((answer) => answer.status === 200).length;
  assert.equal(seen.length, answered);
  assert.equal(answered + lost, posts.length, "a POST is handed on once, be it lost or answered");
});
