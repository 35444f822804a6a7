import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

/** Waits for the condition, asking again and again. */
export async function until(isSo: () => boolean | Promise<boolean>, deadlineMs = 15_000): Promise<void> {
  const startedAtMs = performance.now();
  while (!(await isSo())) {
    assert.ok(performance.now() - startedAtMs < deadlineMs, "it did not come about in time");
    await delay(10);
  }
}
