import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 5;

/** Resolves once the URL answers with 200; rejects when it does not in time, or when `ended` rejects. */
export async function waitUntilAnswers(url: string, ended: Promise<never>, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    const signal = AbortSignal.timeout(1_000);
    const status = await Promise.race([ended, fetch(url, { signal }).then(statusOf, () => 0)]);
    if (status === 200) return;
    await Promise.race([ended, sleep(pollMs)]);
  }
  throw new Error(`${url} did not answer with 200 within ${timeoutMs} ms`);
}

async function statusOf(response: Response): Promise<number> {
  await response.body?.cancel();
  return response.status;
}
