import assert from "node:assert/strict";
import { test } from "node:test";
import { providerSimUsage, readProviderSimArgs } from "#provider-sim/command-line.ts";
import { parseQuota, quotaKinds } from "#provider-sim/quota/parse-quota.ts";

test("every example of the help text is understood", () => {
  const examples = [...providerSimUsage.matchAll(/^ {2}npx parley provider-sim (.*)$/gm)].map(
    ([, args]) => args!,
  );
  assert.ok(examples.length >= 4);
  for (const example of examples) assert.ok(readProviderSimArgs(example.split(" ")), example);
});

test("the help shows each kind of quota as it is written", () => {
  for (const kind of quotaKinds) {
    const [written] = new RegExp(`^ {2}${kind}:\\S+`, "m").exec(providerSimUsage) ?? [];
    assert.ok(written, kind);
    assert.equal(parseQuota(written.trim()).kind, kind);
  }
});

test("arguments become options", () => {
  assert.deepEqual(
    readProviderSimArgs([
      "--quota",
      "fixed-window:2/1s",
      "--price",
      "0.002",
      "--script",
      "500,ok",
      "--port",
      "0",
    ]),
    {
      quotas: ["fixed-window:2/1s"],
      price: 0.002,
      script: ["500", "ok"],
      port: 0,
      host: "127.0.0.1",
      retryAfter: true,
      rateLimitHeaders: false,
    },
  );
  assert.equal(readProviderSimArgs(["--help", "--port", "x"]), undefined);
});

test("what cannot be understood is said", () => {
  for (const [args, says] of [
    [["--port", "70000"], /--port/],
    [["--price", "cheap"], /--price must be a number/],
    [["--quota", "daily:20"], /is no quota/],
    [["--faults", "explode", "--fault-rate", "1"], /"explode" is no fault/],
    [["--latency", "fast"], /is no latency/],
    [["--idempotency-header", "a b"], /name of a header/],
    [["--verbose"], /--verbose/],
    [["free"], /free/],
  ] as const) {
    assert.throws(() => readProviderSimArgs([...args]), says, args.join(" "));
  }
});
