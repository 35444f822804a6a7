import assert from "node:assert/strict";
import { test } from "node:test";
import { createDeliveryLedger } from "./delivery-ledger.ts";

const ledger = () =>
  createDeliveryLedger({ dueAt: Float64Array.from([5, 12, 18]), measureFrom: 10, measureUntil: 20 });

test("a send is outstanding until it is acknowledged and received by all", () => {
  const { sent, acknowledged, delivered, counts } = ledger();
  sent(0, 2, 5);
  delivered(0, 6);
  acknowledged(0, 7);
  assert.equal(counts.outstanding, 1);
  delivered(0, 8);
  assert.deepEqual(counts, {
    sent: 1,
    acknowledged: 1,
    refused: 0,
    delivered: 2,
    expectedDeliveries: 2,
    outstanding: 0,
  });
});

test("latency counts from when the send was due, not from when it left", () => {
  const { sent, delivered, summary } = ledger();
  sent(1, 1, 16);
  delivered(1, 17);
  assert.equal(Math.round(summary().delivery.maxMs), 5);
  assert.equal(Math.round(summary().lateness.maxMs), 4);
});

test("what was due in the warm-up is counted but not timed", () => {
  const { sent, acknowledged, delivered, summary } = ledger();
  sent(0, 1, 5);
  acknowledged(0, 6);
  delivered(0, 11);
  const { acknowledgedInWindow, deliveredInWindow, delivery, acknowledgement } = summary();
  assert.equal(acknowledgedInWindow, 0);
  assert.equal(deliveredInWindow, 1);
  assert.equal(delivery.count + acknowledgement.count, 0);
});

test("of a refused send nothing more is awaited", () => {
  const { sent, refused, summary } = ledger();
  sent(2, 1, 18);
  refused(2, "overloaded");
  assert.equal(summary().outstanding, 0);
  assert.equal(summary().refused, 1);
  assert.deepEqual(summary().errors, { overloaded: 1 });
});
