import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { BusMessageSchema } from "@parley/api/internal/bus";
import { createLocalBus, topics } from "#platform/bus.ts";

const message = create(BusMessageSchema, { endedSessionIds: ["s"] });

test("reaches every subscriber of the topic and no other", async () => {
  const bus = createLocalBus(assert.ifError);
  const heard: string[] = [];
  await bus.subscribe(topics.chat("a"), () => heard.push("a1"));
  await bus.subscribe(topics.chat("a"), () => heard.push("a2"));
  await bus.subscribe(topics.chat("b"), () => heard.push("b"));
  bus.publish(topics.chat("a"), message);
  assert.deepEqual(heard, ["a1", "a2"]);
});

test("a handler that throws keeps the message from nobody else", async () => {
  const errors: unknown[] = [];
  const bus = createLocalBus((error) => errors.push(error));
  let heard = 0;
  await bus.subscribe("t", () => {
    throw new Error("broken");
  });
  await bus.subscribe("t", () => heard++);
  bus.publish("t", message);
  assert.equal(heard, 1);
  assert.equal(errors.length, 1);
});

test("is silent after unsubscribing, also from within a handler", async () => {
  const bus = createLocalBus(assert.ifError);
  let heard = 0;
  const unsubscribe = await bus.subscribe("t", () => {
    heard++;
    unsubscribe();
  });
  bus.publish("t", message);
  bus.publish("t", message);
  unsubscribe();
  assert.equal(heard, 1);
  await bus.subscribe("t", () => heard++);
  bus.publish("t", message);
  assert.equal(heard, 2);
});
