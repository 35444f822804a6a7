import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, createServer, type Server } from "node:net";
import { after, test } from "node:test";
import { createLiveness } from "#platform/wire/liveness.ts";
import { until } from "#test/until.ts";

async function urlOf(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  after(() => server.close());
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function livenessOf(url: string) {
  const liveness = createLiveness(url);
  after(() => liveness.stop());
  return liveness;
}

/** As a process that is frozen: connections are accepted, and nothing is answered. */
const frozen = () => createServer((socket) => after(() => socket.destroy()));

test("who is suspect stays so while nothing answers a ping, and no longer", async () => {
  const dead = livenessOf(await urlOf(frozen()));
  dead.suspect();
  const alive = livenessOf(await urlOf(createHttp2Server()));
  alive.suspect();
  assert.ok(alive.isSuspect);
  await until("it has answered a ping", () => !alive.isSuspect);
  assert.ok(dead.isSuspect);
});

test("a doubt makes a process suspect only if it does not answer a ping", async () => {
  const alive = livenessOf(await urlOf(createHttp2Server()));
  const dead = livenessOf(await urlOf(frozen()));
  for (const one of [alive, dead]) {
    one.doubt();
    assert.equal(one.isSuspect, false, "not yet");
  }
  await until("the dead one is found out", () => dead.isSuspect);
  assert.equal(alive.isSuspect, false);
});
