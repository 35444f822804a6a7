/** How a start goes while Redis is not there, or not to be used. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import { createTestDatabase } from "#test/database.ts";
import { inOneProcess, startParley } from "#test/parley.ts";
import { startRedis, withoutRedis } from "#test/redis-server.ts";
import { until } from "#test/until.ts";
import { freePort } from "../../scripts/pods/free-port.ts";

function recordingLog() {
  const lines: string[] = [];
  return { lines, log: pino({}, { write: (line: string) => void lines.push(line) }) };
}

async function readiness(port: number): Promise<{ status: number; waitingFor?: string[] }> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    return { ...((await response.json()) as object), status: response.status };
  } catch {
    return { status: 0 };
  }
}

describe("a start without its Redis", { skip: withoutRedis }, async () => {
  if (withoutRedis) return;
  const redis = await startRedis();
  const { url: DATABASE_URL } = await createTestDatabase();
  const environment = { DATABASE_URL, REDIS_URL: redis.url };

  const skip = inOneProcess("of several, the one whose port is asked starts only after the others");
  it("waits for it, says so, and goes on by itself when it is there", { skip }, async () => {
    const opsPort = await freePort();
    await redis.kill();
    const { lines, log } = recordingLog();
    const starting = startParley({ ...environment, PARLEY_OPS_PORT: String(opsPort) }, { log });
    await until("readiness names it", async () => {
      const { status, waitingFor } = await readiness(opsPort);
      return status === 503 && waitingFor?.includes("redis") === true;
    });
    await until("it is logged", () => lines.some((line) => line.includes("Redis cannot be reached yet")));
    assert.ok(lines.some((line) => line.includes("waiting for Redis")));
    await redis.start();
    const parley = await starting;
    assert.equal((await readiness(opsPort)).status, 200);
    await parley.stop();
  });

  it("is ended by the stop signal", async () => {
    await redis.kill();
    const { lines, log } = recordingLog();
    const stop = new AbortController();
    const starting = startParley(environment, { log, signal: stop.signal });
    await until("it waits", () => lines.some((line) => line.includes("waiting for Redis")));
    stop.abort(new Error("stopped by a signal"));
    await assert.rejects(starting, /stopped by a signal/);
    await redis.start();
  });

  it("is given up with a clear message when the password is wrong", async () => {
    const guarded = await startRedis(["--requirepass", "right-password"]);
    const { lines, log } = recordingLog();
    const REDIS_URL = guarded.url.replace("//", "//:wrong-password@");
    await assert.rejects(startParley({ ...environment, REDIS_URL }, { log }), (error: Error) => {
      assert.match(error.message, /REDIS_URL names .* cannot be used: WRONGPASS/);
      return !error.message.includes("wrong-password");
    });
    assert.ok(!lines.join().includes("wrong-password"));
  });
});
