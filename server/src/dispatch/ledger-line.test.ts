import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection } from "node:net";
import { after, test } from "node:test";
import { Worker } from "node:worker_threads";
import { LedgerLine } from "#dispatch/ledger-line.ts";
import { until } from "#test/until.ts";

const pause = (forMs: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);

function startLine() {
  const told: string[] = [];
  const line = new LedgerLine({
    nowMs: () => performance.now(),
    onAway: (isAway) => void told.push(isAway ? "away" : "back"),
    exchange() {},
    onFree: () => void told.push("free"),
  });
  const begin = (call: () => Promise<string>) =>
    line.begin({
      call,
      onReply: (reply) => void told.push(reply),
      onLost: (hasFailed) => void told.push(hasFailed ? "failed" : "late"),
    });
  return { begin, told };
}

/** A ledger beyond a socket, on a thread of its own: it answers while this one is held up. */
async function connectLedger() {
  const program = `const { createServer } = require("node:net");
    const answer = (socket) => socket.on("data", () => setTimeout(() => socket.end("reply"), 100));
    const server = createServer(answer).listen(0, "127.0.0.1", () =>
      require("node:worker_threads").parentPort.postMessage(server.address().port));`;
  const worker = new Worker(program, { eval: true });
  after(() => worker.terminate());
  const [port] = await once(worker, "message");
  const socket = createConnection(port, "127.0.0.1");
  await once(socket, "connect");
  return async () => {
    socket.write("request");
    const [data] = await once(socket, "data");
    return String(data);
  };
}

test("an answer that came while this process was held up is in time", async () => {
  const call = await connectLedger();
  const { begin, told } = startLine();
  begin(call);
  pause(1_500);
  await until("it has ended", () => told.includes("free"));
  assert.deepEqual(told, ["reply", "free"]);
});

test("an exchange without an answer is late, and its answer counts all the same when it comes", async () => {
  const { begin, told } = startLine();
  const answer = Promise.withResolvers<string>();
  begin(() => answer.promise);
  await until("it is late", () => told.includes("late"));
  answer.resolve("reply");
  await until("it has ended", () => told.includes("free"));
  assert.deepEqual(told, ["away", "late", "back", "reply", "free"]);
});
