import assert from "node:assert/strict";
import { test } from "node:test";
import { createChatFrames, type LoadFrame } from "./frame-reader.ts";

const push = (seq: number) => ({
  events: [{ chatId: "c", seq, kind: "message", message: { clientId: `m${seq}` } }],
});

function read(reader: ReturnType<ReturnType<typeof createChatFrames>["createReader"]>, frame: LoadFrame) {
  const data = Buffer.from(`..${JSON.stringify(frame)}..`);
  return reader.read(data, 2, data.length - 2);
}

test("every socket reads what it got, in whatever order the sockets are read", () => {
  const frames = createChatFrames();
  const [first, second] = [frames.createReader(), frames.createReader()];
  assert.deepEqual(read(first, push(1)), push(1));
  assert.deepEqual(read(first, push(2)), push(2));
  assert.deepEqual(read(second, push(1)), push(1));
  assert.deepEqual(read(second, { id: 7 }), { id: 7 });
  assert.deepEqual(read(second, push(2)), push(2));
  assert.deepEqual(read(second, push(3)), push(3));
  assert.deepEqual(read(first, push(3)), push(3));
});

test("a socket that is far behind, or gets other frames, still reads its own", () => {
  const frames = createChatFrames();
  const [ahead, behind] = [frames.createReader(), frames.createReader()];
  for (let seq = 1; seq <= 1_000; seq++) read(ahead, push(seq));
  for (let seq = 1; seq <= 1_000; seq++) assert.deepEqual(read(behind, push(seq)), push(seq));
  const both: LoadFrame = { events: [...push(1_001).events, ...push(1_002).events] };
  assert.deepEqual(read(behind, both), both);
});

test("the same push is parsed once for all sockets", () => {
  const frames = createChatFrames();
  assert.equal(read(frames.createReader(), push(1)), read(frames.createReader(), push(1)));
});
