import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatRunResult } from "../load/chat-load.ts";
import { findSustainedRate, shortfall } from "./sustained-rate.ts";

function search(startPerSecond: number, capacity: number, maxProbes = 20) {
  const probed: number[] = [];
  const probe = async (rate: number) => {
    probed.push(rate);
    return rate <= capacity;
  };
  return findSustainedRate({ startPerSecond, step: 1.1, maxProbes, probe }).then((rate) => ({
    rate,
    probed,
  }));
}

test("climbs to the last rate that goes well", async () => {
  const { rate, probed } = await search(1_000, 1_250);
  assert.equal(rate, 1_210);
  assert.deepEqual(probed, [1_000, 1_100, 1_210, 1_331]);
});

test("descends to the first rate that goes well, and does not climb again", async () => {
  const { rate, probed } = await search(1_000, 850);
  assert.equal(rate, 826);
  assert.deepEqual(probed, [1_000, 909, 826]);
});

test("ends after its number of probes", async () => {
  assert.equal((await search(1_000, Number.POSITIVE_INFINITY, 3)).rate, 1_210);
  assert.equal((await search(1_000, 0, 3)).rate, undefined);
});

const latency = { count: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, p999Ms: 0, maxMs: 0 };
const sustained: ChatRunResult = {
  sent: 4_000,
  acknowledged: 4_000,
  refused: 0,
  delivered: 4_000,
  expectedDeliveries: 4_000,
  outstanding: 0,
  sentInWindow: 3_000,
  dueInWindow: 3_010,
  acknowledgedInWindow: 3_000,
  deliveredInWindow: 3_000,
  delivery: latency,
  acknowledgement: latency,
  lateness: latency,
  errors: {},
  windowMs: 3_000,
  fellBehind: false,
  outstandingAtWindowStart: 5,
  outstandingAtWindowEnd: 7,
  skipped: 0,
  repeated: 0,
  socketsClosed: 0,
  generatorCpuMs: 500,
  acknowledgedByChat: {},
};

test("a run is sustained when all arrived and the backlog did not grow", () => {
  assert.equal(shortfall(sustained, 1_000), undefined);
  assert.match(shortfall({ ...sustained, outstandingAtWindowEnd: 100 }, 1_000)!, /backlog grew by 95/);
  assert.match(shortfall({ ...sustained, outstanding: 1 }, 1_000)!, /did not arrive/);
  assert.match(shortfall({ ...sustained, refused: 1, errors: { overloaded: 1 } }, 1_000)!, /overloaded/);
  assert.match(shortfall({ ...sustained, sentInWindow: 2_900 }, 1_000)!, /generator/);
  assert.match(shortfall({ ...sustained, fellBehind: true }, 1_000)!, /behind/);
});
