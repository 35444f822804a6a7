import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
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

test("a doubt makes a process suspect only if it does not answer a ping", async (t) => {
  // However long this process stands still, a ping is given up only when the test says so.
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const living = createHttp2Server();
  const asked = once(living, "session");
  const alive = livenessOf(await urlOf(living));
  alive.doubt();
  assert.equal(alive.isSuspect, false, "not yet");
  const [session] = (await asked) as [ServerHttp2Session];
  await once(session, "close");
  t.mock.timers.tick(1_000);
  assert.equal(alive.isSuspect, false);

  const dead = livenessOf(await urlOf(frozen()));
  dead.doubt();
  t.mock.timers.tick(999);
  assert.equal(dead.isSuspect, false, "not yet");
  t.mock.timers.tick(1);
  await new Promise(setImmediate);
  assert.ok(dead.isSuspect);
});
