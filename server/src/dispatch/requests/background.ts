/**
 * What no caller waits for: requests that are due, and those that dead processes left. Says all the while that this
 * process is alive.
 */
import type { HeldRequests } from "#dispatch/requests/held-requests.ts";
import { createLiveness } from "#dispatch/requests/liveness.ts";
import type { RequestRow } from "#dispatch/requests/request-row.ts";
import { type ResumeParts, resumeRequest } from "#dispatch/requests/resume-request.ts";
import { OwnershipLostError } from "#dispatch/requests/run-request.ts";
import type { OwnershipStore } from "#dispatch/requests/store-ownership.ts";
import { isFailure } from "#platform/circuit/outcome.ts";
import { toPublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";

export interface BackgroundOptions extends ResumeParts {
  store: OwnershipStore;
  held: HeldRequests;
  maxRunning: number;
  /** How long after its last sign of life a process counts as dead. */
  leaseMs?: number;
  log: Log;
}

export interface Background {
  /** Resolves once the others know this process. */
  start(): Promise<void>;
  /** Something may be due. */
  wake(): void;
  /** Takes nothing more, waits for what this process is at, and says that it has gone. What is left then is for the others. */
  stop(deadlineMs: number): Promise<void>;
}

const standardLeaseMs = 5_000;
const beatsPerLease = 5;
const maxClaimed = 50;

export function createBackground(options: BackgroundOptions): Background {
  const { store, held, maxRunning, leaseMs = standardLeaseMs, log } = options;
  const liveness = createLiveness(leaseMs);
  let running = 0;
  let isDraining = false;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let beating = Promise.resolve();
  let claiming: Promise<void> | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let isWoken = false;

  function run(row: RequestRow) {
    running += 1;
    void held
      .hold(row.id, () => resumeRequest(options, row))
      .catch((error) => tell(log, row, error))
      .finally(() => {
        running -= 1;
        if (isWoken) wake();
      });
  }

  const mayClaim = () => !isDraining && running < maxRunning;

  /** One after the other: what one has taken is held before the next looks. Answers whether there may be more. */
  function claim(take: (limit: number) => Promise<RequestRow[]>): Promise<boolean> {
    const taken = turn.then(async () => {
      if (!mayClaim()) return false;
      const limit = Math.min(maxClaimed, maxRunning - running);
      const rows = await take(limit);
      for (const row of rows) if (!held.has(row.id)) run(row);
      return rows.length === limit;
    });
    turn = taken.catch(() => {});
    return taken;
  }

  async function claimAll(): Promise<void> {
    while (isWoken && mayClaim()) {
      isWoken = false;
      try {
        isWoken = (await claim(store.claimDue)) || isWoken;
      } catch (error) {
        isWoken = false;
        log.warn({ code: toPublicError(error).code }, "no request could be taken up");
      }
    }
  }

  /** What dead processes left; and what this one owns without knowing, because the answer to a statement was lost. */
  async function recover(): Promise<void> {
    await claim(store.takeOver);
    await claim((limit) => store.owned(held.ids(), limit));
  }

  function wake() {
    isWoken = true;
    claiming ??= claimAll().finally(() => {
      claiming = undefined;
      if (isWoken && mayClaim()) wake();
    });
  }

  async function beat(): Promise<void> {
    try {
      const startedAtMs = performance.now();
      await store.heartbeat(leaseMs);
      if (liveness.beat(startedAtMs)) await recover();
      wake();
    } catch (error) {
      liveness.miss();
      log.warn({ code: toPublicError(error).code }, "this process cannot say that it is alive");
    }
    schedule();
  }

  function schedule() {
    if (isStopped) return;
    timer = setTimeout(
      () => {
        beating = beat();
      },
      (leaseMs / beatsPerLease) * (0.75 + Math.random() / 2),
    );
    timer.unref();
  }

  return {
    async start() {
      await store.heartbeat(leaseMs);
      liveness.beat(performance.now());
      schedule();
      wake();
    },
    wake,
    async stop(deadlineMs) {
      isDraining = true;
      await claiming;
      await held.untilNone(deadlineMs);
      isStopped = true;
      clearTimeout(timer);
      await beating;
      await store.leave().catch((error) => log.warn({ code: toPublicError(error).code }, "not signed off"));
    },
  };
}

/** That it has to wait, or that another process is at it, is nothing to tell of. */
function tell(log: Log, { id }: RequestRow, error: unknown): void {
  if (error instanceof OwnershipLostError) return;
  const { code } = toPublicError(error);
  if (isFailure(code)) log.warn({ code, id }, "a request in the background was put off");
}
