import assert from "node:assert/strict";
import { test } from "node:test";
import type { Attributes } from "@opentelemetry/api";
import { createLineObserver } from "#dispatch/sending/line-observer.ts";
import { createLog } from "#platform/log.ts";
import { noTelemetry, type Telemetry } from "#platform/telemetry.ts";

const silent = createLog("silent");

test("the duration of what was sent is recorded by provider and kind of outcome, in seconds", () => {
  const recorded: [string, Attributes, number][] = [];
  const telemetry: Telemetry = {
    ...noTelemetry,
    histogram: (name) => ({
      series: (attributes) => ({ record: (value) => recorded.push([name, attributes, value]) }),
    }),
  };
  const observer = createLineObserver("free", telemetry, silent);
  observer.ended({ kind: "done", result: "x" }, performance.now() - 500, undefined);
  observer.ended({ kind: "unsent", reason: "connect" }, undefined, undefined);
  assert.equal(recorded.length, 1);
  const [name, attributes, value] = recorded[0]!;
  assert.equal(name, "parley.dispatch.provider.duration");
  assert.deepEqual(attributes, { provider: "free", outcome: "done" });
  assert.ok(value >= 0.5 && value < 60);
});

test("trouble is logged when it begins, changes and ends, without what the provider said", () => {
  const lines: { msg: string; reason?: string; cause?: string }[] = [];
  const log = createLog("info", { write: (line) => lines.push(JSON.parse(line)) });
  const { ended } = createLineObserver("free", noTelemetry, log);
  const refused = Object.assign(new Error("secret answer"), { code: "ECONNREFUSED" });
  const done = { kind: "done", result: "a text" } as const;
  ended(done, 1, undefined);
  for (let i = 0; i < 3; i += 1) ended({ kind: "unsent", reason: "connect" }, undefined, refused);
  ended({ kind: "unknown", reason: "cancelled" }, 1, undefined);
  ended({ kind: "refused", retryAfterMs: 1 }, 1, undefined);
  for (let i = 0; i < 3; i += 1) ended({ kind: "failed", reason: "http-500" }, 1, undefined);
  for (let i = 0; i < 3; i += 1) ended(done, 1, undefined);
  assert.deepEqual(
    lines.map(({ msg, reason, cause }) => [msg, reason, cause]),
    [
      ["the provider gives no result", "connect", "ECONNREFUSED"],
      ["the provider gives no result", "http-500", undefined],
      ["the provider gives results again", undefined, undefined],
    ],
  );
  assert.doesNotMatch(JSON.stringify(lines), /secret|a text/);
});
