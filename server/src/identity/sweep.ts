/** Housekeeping at intervals: removes what has expired, and lets the signing keys grow up. */
import { endedSessionWindowMs } from "#identity/config.ts";
import type { IdentityParts } from "#identity/parts.ts";
import { createPeriodic, type Periodic } from "#platform/periodic.ts";

type SweepParts = Pick<IdentityParts, "config" | "store" | "signingKeys" | "clock" | "log">;

const rowsPerStatement = 1_000;
const statementsPerRun = 20;

export const createSweeper = (parts: SweepParts): Periodic =>
  createPeriodic({
    everyMs: parts.config.PARLEY_IDENTITY_SWEEP_SECONDS * 1_000,
    run: () => sweep(parts),
    onError: (error) => parts.log.error({ err: error }, "sweep failed"),
  });

/** One run. A part of it that fails is logged and left to the next run; the other parts go on. */
export async function sweep({ config, store, signingKeys, clock, log }: SweepParts): Promise<void> {
  const tasks = {
    "signing keys": () => signingKeys.maintain(),
    sessions: () =>
      removeSome((limit) =>
        store.sessions.sweep(new Date(clock.now() - endedSessionWindowMs(config)), limit),
      ),
    "WebSocket tickets": () => removeSome((limit) => store.wsTickets.sweep(new Date(clock.now()), limit)),
  };
  for (const [subject, task] of Object.entries(tasks)) {
    try {
      await task();
    } catch (error) {
      log.error({ err: error, subject }, "sweep failed");
    }
  }
}

async function removeSome(removeAtMost: (limit: number) => Promise<number>) {
  for (let i = 0; i < statementsPerRun; i++) {
    if ((await removeAtMost(rowsPerStatement)) < rowsPerStatement) return;
  }
}
