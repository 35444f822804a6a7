import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "#platform/log.ts";
import type { Endpoint } from "#platform/wire/endpoint.ts";
import { createEndpointSet } from "#platform/wire/endpoint-set.ts";
import { until } from "#test/until.ts";

const log = createLog("silent");

function fakeEndpoint(url: string): Endpoint & { isClosed: boolean } {
  const endpoint = {
    url,
    transport: {} as Endpoint["transport"],
    isSuspect: false,
    isClosed: false,
    close: () => {},
  };
  endpoint.close = () => {
    endpoint.isClosed = true;
  };
  return endpoint;
}

test("a host name stands for all its addresses, and is looked up again", async () => {
  let addresses = ["10.0.0.1", "10.0.0.2"];
  const set = createEndpointSet({
    urls: ["http://messenger:9091", "http://127.0.0.1:7000", "https://secure.example:443"],
    create: fakeEndpoint,
    log,
    lookUpEveryMs: 1,
    addressesOf: async (hostname) => (hostname === "messenger" ? addresses : assert.fail(hostname)),
  });
  const urls = () => set.current().map((endpoint) => endpoint.url);
  await set.start();
  assert.deepEqual(urls(), [
    "http://10.0.0.1:9091",
    "http://10.0.0.2:9091",
    "http://127.0.0.1:7000",
    "https://secure.example",
  ]);
  const kept = set.current()[1];
  addresses = ["10.0.0.2", "fd00::1"];
  await until("the new address is found", () => urls().includes("http://[fd00::1]:9091"));
  assert.ok(!urls().includes("http://10.0.0.1:9091"));
  assert.ok(set.current().includes(kept!), "what stays keeps its connection");
  set.stop();
  assert.ok((kept as ReturnType<typeof fakeEndpoint>).isClosed);
});

test("a name that cannot be looked up for the moment leaves what was there", async () => {
  let lookUps = 0;
  const set = createEndpointSet({
    urls: ["http://messenger:9091"],
    create: fakeEndpoint,
    log,
    lookUpEveryMs: 1,
    addressesOf: async () => {
      lookUps += 1;
      if (lookUps > 1) throw new Error("no such name");
      return ["10.0.0.1"];
    },
  });
  await set.start();
  await until("it is looked up again", () => lookUps > 3);
  assert.equal(set.current().length, 1);
  set.stop();
});
