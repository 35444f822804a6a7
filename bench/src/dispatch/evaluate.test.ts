import assert from "node:assert/strict";
import { test } from "node:test";
import type { Replayed } from "../load/replay.ts";
import { evaluate } from "./evaluate.ts";

const quota = { kind: "fixed-window", limit: 2, windowMs: 100, blockMs: 0 } as const;
const at = (sentAtMs: number, outcome: string): Replayed => ({ sentAtMs, latencyMs: 1, outcome });

test("what was missed, repeated and late is told", () => {
  const replayed = [
    at(1_000, "free"),
    at(1_010, "paid"),
    at(1_020, "paid"),
    at(1_100, "paid"),
    at(1_130, "free"),
    at(1_140, "free"),
    at(1_150, "error: timeout"),
  ];
  const ledger = { accepted: 3, refused: 1, duplicates: 0 };
  const paid = { accepted: 5, refused: 0, duplicates: 1 };
  const evaluation = evaluate({ replayed, free: ledger, paid, freeId: "free", quota });
  assert.deepEqual([evaluation.requests, evaluation.failed], [7, 1]);
  assert.equal(evaluation.regret, 1 / 4);
  assert.equal(evaluation.duplicates, 2);
  assert.deepEqual(evaluation.switchBackMs, [30]);
  assert.equal(evaluation.refusalsPerWindow, 1 / 1.5);
});
